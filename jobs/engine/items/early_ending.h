#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "configs/error.h"
#include "dist/comm/mpi.h"
#include "dist/liveness/sentinel.h"
#include "jobs/engine/authority/authority.h"
#include "jobs/engine/items/coordinator.h"
#include "jobs/engine/items/group_runner.h"
#include "jobs/engine/items/stop_switch.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::engine {

/// What a rank does when its sentinel gives an order, from the sentinel's thread.
/// warned: what is finished is sealed. finish: items that will be done in time are finished, the rest is
/// dropped; the run then ends as ever, or, if something was dropped, at once. now: what is finished is sealed
/// within half a second. In both cases rank 0 writes the outcome, and ends all ranks with its exit code.
/// lost: the same sealing, and an outcome that says which rank; whoever found that out ends all.
class EarlyEnding {
 public:
  /// `tell` says on rank 0 how the run ended; `now` is the clock of deadlines, which tests turn; `abort` ends
  /// all ranks with an exit code, and returns in tests alone.
  EarlyEnding(int rank, std::chrono::seconds grace, std::function<void(const run::Outcome&)> tell,
              StopSwitch::Now now = StopSwitch::Clock::now,
              std::function<void(int)> abort = dist::MpiSession::abort);
  EarlyEnding(const EarlyEnding&) = delete;
  EarlyEnding& operator=(const EarlyEnding&) = delete;

  const StopSwitch& stop() const noexcept { return stop_; }

  /// The allocation ends in so many seconds: no item begins that would not be finished by then.
  void end_within(double seconds);
  /// On rank 0: there is a run directory from now on, with so much known of its items.
  void can_conclude(Authority& authority);
  /// Items are begun; `coordinator` is there on rank 0. Both stay until end_items().
  void begin_items(GroupRunner& runner, Coordinator* coordinator);
  void end_items();

  void obey(const dist::Order& order);
  void tick();
  /// On rank 0: writes the outcome and ends all ranks.
  void end_all(const std::string& why);
  /// On rank 0, when all groups are gone and one has dropped what it had in hand: the same, unless a rank is
  /// lost.
  void end_after_a_drop();

 private:
  enum class Phase { before_items, items, after_items };

  run::Counts counts() const;
  void conclude(const std::string& why, bool lost);

  int rank_;
  std::chrono::seconds grace_;
  std::function<void(const run::Outcome&)> tell_;
  StopSwitch::Now now_;
  std::function<void(int)> abort_;
  StopSwitch stop_;

  std::atomic<bool> lost_ = false;

  std::mutex mutex_;  ///< of the following
  Phase phase_ = Phase::before_items;
  Authority* authority_ = nullptr;
  GroupRunner* runner_ = nullptr;
  Coordinator* coordinator_ = nullptr;
  run::Counts counts_;  ///< when the authority last knew more of them

  std::mutex ending_;  ///< of the following
  bool concluded_ = false;
  std::condition_variable never_;
  int exit_ = exit_resumable;
};

}  // namespace ditmill::jobs::engine

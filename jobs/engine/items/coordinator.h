#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "dist/comm/communicator.h"
#include "jobs/engine/items/progress.h"
#include "jobs/engine/items/protocol.h"
#include "jobs/engine/items/stop_switch.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::engine {

/// Hands the items of a job to dp groups as they become free: a thread of rank 0 that lives from construction
/// to finish(). It probes and sleeps; it never blocks in MPI, which would spin a core that computes.
class Coordinator {
 public:
  struct Parts {
    const dist::Communicator* comm = nullptr;  ///< used for nothing else while the coordinator lives
    const requests::ItemList* items = nullptr;
    std::span<const run::PendingItem> pending = {};  ///< those of `items` to hand out, in that order
    std::set<int> group_roots = {};                  ///< the ranks that ask
    int window = 1;
    std::size_t together = 1;  ///< items that a group computes at once
    int max_fails = 0;         ///< so many failures, and nothing more is handed out; 0: any number
    Progress* progress = nullptr;
    const StopSwitch* stop = nullptr;         ///< nothing more is handed out once it is thrown
    std::function<void()> every_second = {};  ///< called from its thread
    std::function<void()> after_a_drop =
        {};  ///< called from its thread when all groups are gone, one by a drop
  };

  /// An item is made when it is handed out. What is referred to outlives it.
  explicit Coordinator(Parts parts);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  ~Coordinator();

  /// Waits until every group has left. Returns the error of the first group that could not go on, if one
  /// could not. (If the thread itself fails, it ends all ranks.)
  std::optional<Error> finish();

  bool all_gone() const noexcept { return all_gone_; }
  /// A group has left because the time limit would have ended its next item.
  bool out_of_time() const noexcept { return out_of_time_; }
  bool reached_max_fails() const noexcept { return reached_max_fails_; }
  /// Items acknowledged and failed since it began.
  std::size_t done() const noexcept { return done_; }
  std::size_t failed() const noexcept { return failed_; }

 private:
  void serve();
  void look_around();
  void handle(int rank, const GroupMessage& message);
  std::size_t left() const;
  void grant(int rank);
  void hand_out_nothing_more();

  Parts parts_;  ///< pending: those not handed out yet; group_roots: those that have not left
  std::map<int, std::span<const run::PendingItem>> granted_;  ///< last, by rank
  std::vector<std::span<const run::PendingItem>>
      given_back_;  ///< by groups that ran out of time, to the others
  int groups_;
  std::chrono::steady_clock::time_point next_look_;
  std::optional<Error> fatal_;
  bool dropped_ = false;
  std::atomic<bool> all_gone_ = false;
  std::atomic<bool> out_of_time_ = false;
  std::atomic<bool> reached_max_fails_ = false;
  std::atomic<std::size_t> done_ = 0;
  std::atomic<std::size_t> failed_ = 0;
  std::jthread thread_;
};

}  // namespace ditmill::jobs::engine

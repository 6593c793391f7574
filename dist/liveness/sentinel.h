#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "configs/error.h"
#include "dist/comm/communicator.h"
#include "dist/liveness/rank_state.h"

namespace ditmill::dist {

/// How often a rank shows life, and how long it is waited for; tests shorten it.
struct SentinelLimits {
  std::chrono::milliseconds beat{1000};
  std::chrono::milliseconds silence{10'000};  ///< a rank that was not heard of for so long ends the job
  std::chrono::milliseconds watchdog{0};      ///< so long without progress ends it, too; 0: any time is fine
};

/// No rank waits for ever: two threads a rank, beside whatever it computes. One sends heartbeats with the
/// rank's state to the next rank of a ring; the other listens to the rank before. Whoever falls silent is
/// named on stderr, with what it was doing, and all ranks end with exit code 3; likewise a rank whose own
/// state stays the same for longer than the watchdog allows, unless it waits. On SIGTERM, which a launcher
/// sends when one rank has died, the lowest rank that is left on the machine names the dead.
class Sentinel {
 public:
  /// `comm` is used for nothing else. `also_progress`, asked from another thread, is a count that changes
  /// with progress that the state does not tell of. `state` outlives the sentinel. Collective.
  Sentinel(Communicator comm, RankState& state, SentinelLimits limits = {},
           std::function<std::uint64_t()> also_progress = {});
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;
  ~Sentinel();  ///< stop()

  /// Ends the watch when all ranks have called it; until then they are watched. Collective.
  void stop();
  /// Ends all ranks with an error that the others do not know of: they may be waiting for this one. Says it
  /// on stderr, and gives the error's exit code.
  [[noreturn]] void fail(const Error& error);

  /// Keeps SIGTERM from this thread and those it starts, for the sentinel to take; to be called before MPI
  /// starts threads. A sentinel that has stopped lets it through again.
  static void take_over_sigterm() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void beat();
  void watch();
  /// Throws what goes wrong in `body`, a thread's, at all ranks.
  void guard(const std::function<void()>& body);
  void listen(Clock::duration awake);
  void check_progress(Clock::duration awake);
  [[noreturn]] void report_silence();
  [[noreturn]] void end_by_sigterm();
  [[noreturn]] void end_all(const std::string& line, int code);
  int before() const noexcept { return (comm_.rank() + comm_.size() - 1) % comm_.size(); }
  int after() const noexcept { return (comm_.rank() + 1) % comm_.size(); }

  Communicator comm_;
  RankState& state_;
  SentinelLimits limits_;
  std::function<std::uint64_t()> also_progress_;

  // The watching thread's.
  RankReport heard_;           ///< from the rank before; its last words
  Clock::duration silent_{0};  ///< that rank, while this one was awake
  bool farewell_ = false;      ///< it has said goodbye
  std::uint64_t progress_ = 0;
  Clock::duration unchanged_{0};

  std::mutex mutex_;
  std::condition_variable ending_;
  bool ends_ = false;  ///< under mutex_
  std::atomic<bool> ending_all_ = false;
  bool stopped_ = false;
  std::thread beating_;
  std::thread watching_;
};

}  // namespace ditmill::dist

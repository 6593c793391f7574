#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

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

/// What all ranks of a job are told to do.
struct Order {
  enum class Kind {
    finish,  ///< take up nothing new
    warned,  ///< to this rank alone: its launcher may be about to end it
    now,     ///< end at once, and in order: the processes will soon be killed
    lost,    ///< a rank is lost or has failed alone: the job ends with it
  };
  Kind kind = Kind::finish;
  std::string why = {};  ///< "SIGUSR2 at rank 3 (node7, pid 123)"
};

/// What the rank's work has to do with its sentinel; all are called from the sentinel's threads.
struct SentinelHooks {
  std::function<std::uint64_t()> also_progress =
      {};                                       ///< changes with progress that the state does not tell of
  std::function<void(const Order&)> obey = {};  ///< an order has come; each kind comes once
  std::function<void()> tick = {};              ///< every 50 ms
  std::function<std::chrono::steady_clock::time_point()> now =
      std::chrono::steady_clock::now;  ///< the clock of limits; tests turn it
};

/// No rank waits for ever: two threads a rank, beside whatever it computes. One sends heartbeats with the
/// rank's state to the next rank of a ring; the other listens to the rank before. Whoever falls silent is
/// named on stderr, with what it was doing, and all ranks end with exit code 3; likewise a rank whose own
/// state stays the same for longer than the watchdog allows, unless it waits. On SIGTERM, which a launcher
/// sends when one rank has died, the lowest rank that is left on the machine names the dead, and notes in
/// their state files that they were found so. SIGTERM without a dead rank
/// (or mpirun's warning of it, SIGCONT) is an order to all to end now,
/// SIGUSR2 at any rank an order to all to finish.
class Sentinel {
 public:
  /// `comm` is used for nothing else. `state` outlives the sentinel. Collective.
  Sentinel(Communicator comm, RankState& state, SentinelLimits limits = {}, SentinelHooks hooks = {});
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;
  ~Sentinel();  ///< stop()

  /// Ends the watch when all ranks have called it; until then they are watched. Collective.
  void stop();
  /// Ends all ranks with an error that the others do not know of: they may be waiting for this one. Says it
  /// on stderr, and gives the error's exit code.
  [[noreturn]] void fail(const Error& error);

  /// Gives an order to all ranks, this one too. Returns at once.
  void order(const Order& order);

  /// Keeps SIGTERM, SIGUSR2 and SIGCONT from this thread and those it starts, for the sentinel to take; to be
  /// called before MPI starts threads. A sentinel that has stopped lets SIGTERM through again.
  static void take_over_signals() noexcept;

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
  bool any_dead() const;
  /// Names the dead ranks of this machine in lines of text; empty if there are none.
  std::string dead_ranks(const RankReport& self) const;
  void receive_orders();
  void obey(const Order& order);
  void send_order(const Order& order, int to) const;
  void tell_rank_0(const Order& order);
  [[noreturn]] void end_all(const std::string& line, int code, bool own_fault = false);
  int before() const noexcept { return (comm_.rank() + comm_.size() - 1) % comm_.size(); }
  int after() const noexcept { return (comm_.rank() + 1) % comm_.size(); }

  Communicator comm_;
  RankState& state_;
  SentinelLimits limits_;
  SentinelHooks hooks_;

  // The watching thread's.
  RankReport heard_;           ///< from the rank before; its last words
  Clock::duration silent_{0};  ///< that rank, while this one was awake
  bool farewell_ = false;      ///< it has said goodbye
  std::uint64_t progress_ = 0;
  Clock::duration unchanged_{0};
  std::optional<Clock::time_point> warned_;  ///< by the launcher, with no rank dead: it ends the job

  std::mutex mutex_;
  std::condition_variable ending_;
  bool ends_ = false;              ///< under mutex_
  std::vector<Order> outgoing_;    ///< under mutex_
  std::vector<Order> own_orders_;  ///< under mutex_
  std::mutex obeying_;
  std::set<Order::Kind> obeyed_;  ///< under obeying_
  std::atomic<bool> ending_all_ = false;
  bool stopped_ = false;
  std::thread beating_;
  std::thread watching_;
};

}  // namespace ditmill::dist

#include "dist/liveness/sentinel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <thread>

#include "dist/comm/threads.h"

// When a rank is given up, and when it is not: ranks are threads, and the test turns their clocks. Processes
// are killed and stopped by tests/jobs/engine/liveness_test.py.

namespace ditmill::dist {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

/// A rank's clock. It stands, or goes on by a second a look, which is the most that a look may count.
class TurnedClock {
 public:
  std::chrono::steady_clock::time_point look() {
    if (left_ > 0) {
      seconds_ = seconds_ + 1;
      left_ = left_ - 1;
    }
    looks_ = looks_ + 1;
    looks_.notify_all();
    return std::chrono::steady_clock::time_point{} + std::chrono::seconds{seconds_};
  }

  /// Goes on so far; returns when the sentinel has come to its conclusions.
  void turn(int seconds) {
    left_ = seconds;
    wait_for_looks(seconds + 2);
  }
  void leap(int seconds) {
    seconds_ = seconds_ + seconds;
    wait_for_looks(2);
  }
  /// The second look from now begins after the end of one that has seen all that was done before.
  void stand() { wait_for_looks(2); }

 private:
  void wait_for_looks(int more) {
    const int enough = looks_ + more;
    for (int seen = looks_; seen < enough; seen = looks_) looks_.wait(seen);
  }

  std::atomic<int> seconds_ = 0;
  std::atomic<int> left_ = 0;
  std::atomic<int> looks_ = 0;
};

/// Two ranks. Each shows life at its start, and then only when it gives an order.
struct SentinelTest : ::testing::Test {
  SentinelTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  using Body = std::function<void(Sentinel&)>;

  void run(const Body& rank_0, const Body& rank_1, SentinelLimits limits = {}) {
    limits.beat = hours{1};
    run_on_threads(2, [&](const Communicator& world) {
      const bool leads = world.rank() == 0;
      TurnedClock& clock = leads ? clock_0 : clock_1;
      Sentinel sentinel(world.split(0, world.rank(), Purpose::heartbeat), leads ? state_0 : state_1, limits,
                        {.also_progress = [this] { return progress.load(); },
                         .obey =
                             [this, leads](const Order&) {
                               if (leads) note_order();
                             },
                         .now = [&clock] { return clock.look(); }});
      (leads ? rank_0 : rank_1)(sentinel);
    });
  }

  static void show_life(Sentinel& sentinel) { sentinel.order({.why = "shown life"}); }
  static void show_life_again(Sentinel& sentinel) {
    sentinel.order({.kind = Order::Kind::warned, .why = "shown life again"});
  }
  static void idle(Sentinel& /*sentinel*/) {}

  void note_order() {
    ++orders;
    orders.notify_all();
  }
  /// Until rank 0 has had so many orders, and what came before them.
  void wait_for_life(int count) {
    for (int seen = orders; seen < count; seen = orders) orders.wait(seen);
    clock_0.stand();
  }

  TurnedClock clock_0;
  TurnedClock clock_1;
  RankState state_0{0};
  RankState state_1{1};
  std::atomic<int> orders = 0;
  std::atomic<std::uint64_t> progress = 0;
};

void say(const char* text) { std::fprintf(stderr, "%s\n", text); }

TEST_F(SentinelTest, GivesUpARankThatIsSilentForTenSeconds) {
  const Body watch = [this](Sentinel&) {
    wait_for_life(1);
    clock_0.turn(9);
    say("lives after 9 s;");
    clock_0.turn(1);
  };
  EXPECT_DEATH(run(watch, show_life),
               "^lives after 9 s;\nditmill: rank 1 .* has not answered for 10 s; it was: ");
}

TEST_F(SentinelTest, CountsSilenceFromTheLastSignOfLife) {
  std::atomic_flag again;
  run(
      [&](Sentinel&) {
        wait_for_life(1);
        clock_0.turn(9);
        again.test_and_set();
        again.notify_all();
        wait_for_life(2);
        clock_0.turn(9);
      },
      [&](Sentinel& sentinel) {
        show_life(sentinel);
        again.wait(false);
        show_life_again(sentinel);
      });
}

TEST_F(SentinelTest, BlamesNobodyForTimeInWhichItDidNotListenItself) {
  run(
      [this](Sentinel&) {
        wait_for_life(1);
        clock_0.leap(3600);  // it was stopped: that counts as one second
        clock_0.turn(8);
      },
      show_life);
}

struct WatchdogTest : SentinelTest {
  static constexpr SentinelLimits limits{.silence = hours{24}, .watchdog = seconds{3}};
};

TEST_F(WatchdogTest, EndsARankThatMakesNoProgress) {
  const Body work = [this](Sentinel&) {
    state_0.set("denoising item 7");
    clock_0.stand();
    clock_0.turn(2);
    say("lives after 2 s;");
    clock_0.turn(1);
  };
  EXPECT_DEATH(run(work, idle, limits),
               "^lives after 2 s;\nditmill: rank 0 .* has made no progress for 3 s .--watchdog 3.; it was: "
               "denoising item 7");
}

TEST_F(WatchdogTest, LeavesARankAloneThatWaits) {
  run(
      [this](Sentinel&) {
        state_0.wait("waiting");
        clock_0.turn(10);
      },
      idle, limits);
}

TEST_F(WatchdogTest, LeavesARankAloneThatWaitsForALateOneToEnd) {
  run(
      [this](Sentinel&) {
        while (!state_1.report().waits) std::this_thread::yield();
        clock_1.turn(10);
      },
      [this](Sentinel& sentinel) {
        state_1.set("denoising its last item");
        sentinel.stop();
        sentinel.stop();  // the second does nothing
      },
      limits);
}

TEST_F(WatchdogTest, CountsEachKindOfProgress) {
  run(
      [this](Sentinel&) {
        for (int i = 0; i < 4; ++i) {
          if (i % 2 == 0) {
            state_0.step();
          } else {
            ++progress;
          }
          clock_0.stand();
          clock_0.turn(2);
        }
      },
      idle, limits);
}

}  // namespace
}  // namespace ditmill::dist

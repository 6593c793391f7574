#include "dist/liveness/sentinel.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "tests/mpi/mpi_test.h"

// What must not end a job. What must is shown by tests/jobs/engine/liveness_test.py: it ends these ranks,
// too.

namespace ditmill::dist::mpi_test {
namespace {

using std::chrono::milliseconds;

constexpr SentinelLimits strict{
    .beat = milliseconds(100), .silence = milliseconds(3000), .watchdog = milliseconds(2000)};

struct SentinelTest : ::testing::Test {
  void TearDown() override { world().barrier(Purpose::agreement); }
  RankState state{world().rank()};
};

TEST_F(SentinelTest, AgreesToEndHoweverLateARankComes) {
  Sentinel sentinel(session().world(), state, strict);
  if (world().rank() == 0) {
    for (int i = 0; i < 35; ++i) {
      std::this_thread::sleep_for(milliseconds(100));
      state.step();
    }
  }
  sentinel.stop();
  sentinel.stop();  // the second does nothing
}

TEST_F(SentinelTest, LeavesARankAloneThatWaits) {
  Sentinel sentinel(session().world(), state, strict);
  state.wait("waiting");
  std::this_thread::sleep_for(milliseconds(2500));
}

TEST_F(SentinelTest, CountsProgressThatTheStateDoesNotTell) {
  std::atomic<std::uint64_t> count = 0;
  Sentinel sentinel(session().world(), state, strict, {.also_progress = [&] { return count.load(); }});
  for (int i = 0; i < 25; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
    ++count;
  }
}

}  // namespace
}  // namespace ditmill::dist::mpi_test

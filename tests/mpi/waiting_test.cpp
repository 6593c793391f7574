#include <chrono>
#include <ctime>
#include <thread>

#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::world;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(Waiting, LeavesTheCoreToOthers) {
  const auto late = std::chrono::milliseconds(700);
  for (const bool broadcast : {true, false}) {
    world().barrier(Purpose::plan);
    const double before = cpu_seconds();
    if (world().rank() == 0) std::this_thread::sleep_for(late);
    std::byte byte{};
    if (broadcast) {
      world().broadcast(std::span(&byte, 1), 0, Purpose::plan);
    } else {
      world().barrier(Purpose::plan);
    }
    EXPECT_LT(cpu_seconds() - before, 0.2);
  }
}

}  // namespace
}  // namespace ditmill::dist

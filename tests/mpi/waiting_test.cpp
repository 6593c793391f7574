#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::world;
using Clock = std::chrono::steady_clock;

/// About a third of a second's: the first are short.
constexpr long many_sleeps = 300;
/// Only a rank that never sleeps is waited for so long.
constexpr std::chrono::seconds patience{60};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::string this_thread() {
  return "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(::gettid()) + "/status";
}

/// How often a thread has left its core of its own accord: for a sleep, not for another's turn.
long sleeps_of(const std::string& thread) {
  std::ifstream status(thread);
  long count = 0;
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") status >> count;
  }
  return count;
}

/// Whether the thread sleeps now and again, or is still at work when patience ends.
bool goes_to_sleep(const std::string& thread) {
  const long enough = sleeps_of(thread) + many_sleeps;
  const Clock::time_point end = Clock::now() + patience;
  while (sleeps_of(thread) < enough) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

TEST(Waiting, LeavesTheCoreToOthers) {
  for (const bool broadcast : {true, false}) {
    const std::vector<std::string> threads = world().gather_text(this_thread(), 0, Purpose::plan);
    const double worked_before = cpu_seconds();
    const Clock::time_point began = Clock::now();
    if (world().rank() == 0) {
      for (std::size_t rank = 1; rank < threads.size(); ++rank) {
        EXPECT_TRUE(goes_to_sleep(threads[rank])) << "rank " << rank << " spins";
      }
    }
    std::byte byte{};
    if (broadcast) {
      world().broadcast(std::span(&byte, 1), 0, Purpose::plan);
    } else {
      world().barrier(Purpose::plan);
    }
    if (world().rank() == 0) continue;
    const std::chrono::duration<double> waited = Clock::now() - began;
    EXPECT_LT(cpu_seconds() - worked_before, 0.3 * waited.count());
  }
}

}  // namespace
}  // namespace ditmill::dist

#include <gtest/gtest.h>

#include "jobs/engine/coordinator.h"
#include "jobs/pilot/schedule.h"

namespace ditmill::jobs {
namespace {

TEST(SimulatedGrants, AreThoseOfTheCoordinator) {
  for (const std::size_t left : {0U, 1U, 2U, 7U, 8U, 100U, 1'000'000U}) {
    for (const int groups : {1, 2, 3, 64}) {
      for (const int window : {1, 16, 64}) {
        EXPECT_EQ(simulated_grant(left, groups, window), grant_size(left, groups, window))
            << left << " items, " << groups << " groups, window " << window;
      }
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs

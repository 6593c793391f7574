#include "jobs/plan/pilot/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace ditmill::jobs::plan {
namespace {

TEST(Schedule, SharesEqualItemsOut) {
  const std::vector<float> seconds(12, 2.0F);
  for (const int groups : {1, 2, 3, 4, 6, 12}) {
    const Schedule schedule = simulate(seconds, groups, 64);
    EXPECT_DOUBLE_EQ(schedule.seconds, 24.0 / groups) << groups;
    EXPECT_DOUBLE_EQ(schedule.idle_share, 0) << groups;
    EXPECT_DOUBLE_EQ(schedule.tail_seconds, 0) << groups;
  }
}

TEST(Schedule, CountsTheRaggedTail) {
  const std::vector<float> seconds(5, 2.0F);
  const Schedule schedule = simulate(seconds, 4, 64);
  EXPECT_DOUBLE_EQ(schedule.seconds, 4);
  EXPECT_DOUBLE_EQ(schedule.tail_seconds, 2);
  EXPECT_DOUBLE_EQ(schedule.idle_share, 6.0 / 16);
}

TEST(Schedule, LeavesGroupsWithoutItemsIdle) {
  const std::vector<float> seconds{3.0F};
  const Schedule schedule = simulate(seconds, 4, 64);
  EXPECT_DOUBLE_EQ(schedule.seconds, 3);
  EXPECT_DOUBLE_EQ(schedule.idle_share, 0.75);
}

TEST(Schedule, TakesNoTimeForNoItems) { EXPECT_DOUBLE_EQ(simulate({}, 3, 64).seconds, 0); }

TEST(Schedule, LiesBetweenAnEvenShareAndTwoItemsMore) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> draw(0.5F, 9.0F);
  for (const std::size_t items : {1U, 17U, 500U}) {
    std::vector<float> seconds(items);
    for (float& each : seconds) each = draw(random);
    const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    const double longest = *std::ranges::max_element(seconds);
    for (const int groups : {1, 3, 16}) {
      const Schedule schedule = simulate(seconds, groups, 64);
      EXPECT_GE(schedule.seconds, std::max(sum / groups, longest) - 1e-6);
      // A group that begins its last item holds the next one already.
      EXPECT_LE(schedule.seconds, sum / groups + 2 * longest);
      EXPECT_NEAR(schedule.idle_share, 1 - sum / (schedule.seconds * groups), 1e-6);
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs::plan

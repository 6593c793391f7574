#include "jobs/watch/status/group_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/watch/status/group_pace.h"
#include "tests/jobs/made_up_run.h"

namespace ditmill::jobs::watch {
namespace {

/// Items one after the other, each of so many seconds, from `begin` on.
GroupPace pace_of(std::size_t items, double seconds, double begin = 1000) {
  GroupPace pace;
  for (std::size_t i = 0; i < items; ++i) {
    const double at = begin + static_cast<double>(i) * seconds;
    pace.take(made_up_record(results::Event::start, i, at));
    pace.take(made_up_record(results::Event::done, i, at + seconds));
  }
  return pace;
}

TEST(GroupPace, TakesItsRateBetweenFinishesHoweverItemsAreSealed) {
  // 0.1 s an item. The journal has 512 starts, then the finishes of two seals of 256 at once.
  GroupPace pace;
  for (std::size_t i = 0; i < 600; ++i)
    pace.take(made_up_record(results::Event::start, i, 1000 + 0.1 * double(i)));
  for (std::size_t i = 0; i < 512; ++i)
    pace.take(made_up_record(results::Event::done, i, 1000.1 + 0.1 * double(i)));
  EXPECT_NEAR(pace.rate(1060).items_per_second(), 10, 0.01);  // 88 more are finished and not sealed
  EXPECT_NEAR(*pace.median_s(), 0.1, 0.001);
}

TEST(GroupPace, IsOfTheLastHalfHourOfALongEpoch) {
  GroupPace pace = pace_of(3600, 1);
  for (std::size_t i = 0; i < 500; ++i) {
    pace.take(made_up_record(results::Event::start, i, 4600 + 4 * double(i)));
    pace.take(made_up_record(results::Event::done, i, 4604 + 4 * double(i)));
  }
  EXPECT_NEAR(pace.rate(6600).items_per_second(), 0.25, 0.001);
  EXPECT_NEAR(pace.rate(6600).seconds, GroupPace::window_s, 20);
}

TEST(GroupPace, FallsWhileNothingIsFinished) {
  const GroupPace pace = pace_of(100, 1);
  EXPECT_NEAR(pace.rate(1105).items_per_second(), 1, 0.001);
  EXPECT_LT(pace.rate(1500).items_per_second(), 0.21);
}

TEST(GroupPace, CountsFailuresForTheRateAndNotForTheMedian) {
  GroupPace pace = pace_of(3, 10);
  for (std::size_t i = 10; i < 20; ++i) {
    pace.take(made_up_record(results::Event::start, i, 1030));
    pace.take(made_up_record(results::Event::failed, i, 1030.5));
  }
  EXPECT_DOUBLE_EQ(*pace.median_s(), 10);
  EXPECT_EQ(pace.done(), 3U);
  EXPECT_EQ(pace.failed(), 10U);
  EXPECT_EQ(pace.rate(1031).items, 13U);
}

TEST(GroupPace, NamesTheItemThatItStartedLastUntilItEnds) {
  GroupPace pace;
  pace.take(made_up_record(results::Event::start, 4, 10));
  EXPECT_EQ(pace.last_started(), "item4");
  pace.take(made_up_record(results::Event::stopped, 4, 11, "no time left"));
  EXPECT_EQ(pace.last_started(), "");
  EXPECT_EQ(pace.rate(20).items, 0U);
}

dist::RankReport rank_report(int rank, int group, std::int64_t since_ms) {
  dist::RankReport report;
  report.rank = rank;
  report.host = "node" + std::to_string(rank / 2);
  report.group = group;
  report.since_ms = since_ms;
  report.alive_ms = since_ms;
  report.doing = "denoising item tabby, step 3 of 50";
  report.items = "tabby";
  return report;
}

TEST(GroupStatus, MarksGroupsOver1Point3TimesTheMedianWithTheirNode) {
  const std::map<int, GroupPace> paces{{0, pace_of(9, 1.0)},
                                       {1, pace_of(9, 1.29)},
                                       {2, pace_of(9, 1.31)},
                                       {3, pace_of(9, 0.9)},
                                       {4, pace_of(9, 1.0)}};
  const std::vector<dist::RankReport> ranks{rank_report(5, 2, 1000'000)};
  const std::vector<GroupStatus> groups = group_statuses(ranks, paces, 1000, true);
  ASSERT_EQ(groups.size(), 5U);
  for (const GroupStatus& group : groups) EXPECT_EQ(group.slow, group.group == 2) << group.group;
  EXPECT_EQ(groups[2].host, "node2");
  EXPECT_EQ(groups[2].rank, 5);
  EXPECT_NEAR(groups[2].times_median, 1.31, 0.001);
}

TEST(GroupStatus, TellsTheSlowerOneOfTwo) {
  const std::vector<GroupStatus> groups =
      group_statuses({}, {{0, pace_of(5, 1.0)}, {1, pace_of(5, 1.5)}}, 1000, true);
  EXPECT_FALSE(groups[0].slow);
  EXPECT_TRUE(groups[1].slow);
}

TEST(GroupStatus, IsSilentAfter15SecondsOfItsNewestRankWhileTheRunIsAlive) {
  std::vector<dist::RankReport> ranks{rank_report(0, 0, 900'000), rank_report(1, 0, 986'000)};
  EXPECT_FALSE(group_statuses(ranks, {}, 1000, true)[0].silent);
  EXPECT_DOUBLE_EQ(*group_statuses(ranks, {}, 1000, true)[0].heartbeat_age_s, 14);
  EXPECT_TRUE(group_statuses(ranks, {}, 1002, true)[0].silent);
  EXPECT_FALSE(group_statuses(ranks, {}, 1002, false)[0].silent);
}

}  // namespace
}  // namespace ditmill::jobs::watch

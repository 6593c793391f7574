#include "jobs/watch/report/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "jobs/results/journal/record.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::watch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TimelineTest : ::testing::Test {
  TimelineTest() { run.create(); }

  void write(int epoch, int group, const std::vector<results::Record>& records) {
    std::ofstream file(run.journal(epoch, group), std::ios::app);
    for (const results::Record& record : records) file << results::to_line(record);
  }
  static results::Record record(results::Event event, double time, const std::string& item) {
    return {.time = time, .event = event, .item = item, .key = "key-of-" + item, .part = "parts/a.h5"};
  }
  static results::Record start(double time, const std::string& item) {
    return record(results::Event::start, time, item);
  }
  static results::Record done(double time, const std::string& item) {
    return record(results::Event::done, time, item);
  }

  static constexpr double now = 9e9;
  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
};

TEST_F(TimelineTest, IsEmptyBeforeAnythingHasRun) {
  const Timeline timeline = read_timeline(run, now);
  EXPECT_THAT(timeline.lanes, IsEmpty());
  EXPECT_THAT(timeline.epochs, IsEmpty());
  EXPECT_THAT(timeline.gaps, IsEmpty());
}

TEST_F(TimelineTest, HasALaneForEachGroupAndEpochAndTheGapsBetween) {
  write(1, 0, {start(1000, "a"), start(1004, "b"), done(1003.5, "a"), done(1010, "b")});
  write(1, 1, {start(1001, "c"), record(results::Event::failed, 1009, "c")});
  write(2, 0, {start(1100, "d"), done(1120, "d")});
  const Timeline timeline = read_timeline(run, now);
  ASSERT_THAT(timeline.lanes, SizeIs(3));
  EXPECT_EQ(timeline.lanes[0].busy, 9.5);
  EXPECT_EQ(timeline.lanes[0].spans[1].item, "b");
  EXPECT_EQ(timeline.lanes[1].spans[0].kind, SpanKind::failed);
  EXPECT_EQ(timeline.lanes[1].end, 1010) << "a lane lasts as long as its epoch";
  ASSERT_THAT(timeline.gaps, SizeIs(1));
  EXPECT_EQ(timeline.gaps[0].begin, 1010);
  EXPECT_EQ(timeline.gaps[0].end, 1100);
  ASSERT_THAT(timeline.epochs, SizeIs(2));
  EXPECT_EQ(timeline.epochs[0].done, 2u);
  EXPECT_EQ(timeline.epochs[0].failed, 1u);
  EXPECT_EQ(timeline.epochs[1].groups, 1);
}

TEST_F(TimelineTest, CountsWhatNeverEndedAsLostUntilTheNextStart) {
  write(1, 0, {start(1, "a"), start(3, "b"), start(6, "c")});
  write(1, 1, {start(1, "d"), done(10, "d")});
  const std::vector<Span> spans = read_timeline(run, now).lanes[0].spans;
  ASSERT_THAT(spans, SizeIs(3));
  for (const Span& span : spans) EXPECT_EQ(span.kind, SpanKind::lost);
  EXPECT_EQ(spans[0].end, 3);
  EXPECT_EQ(spans[1].end, 6);
  EXPECT_EQ(spans[2].end, 10);
}

TEST_F(TimelineTest, ShowsAnEpochWithAFreshHeartbeatAsRunning) {
  std::ofstream(run.epoch(1)) << R"({"host":"node7","slurm_job":"42"})";
  write(1, 0, {start(results::journal_time() - 5, "a")});
  const Timeline timeline = read_timeline(run, results::journal_time());
  EXPECT_TRUE(timeline.epochs[0].alive);
  EXPECT_EQ(timeline.epochs[0].host, "node7");
  EXPECT_EQ(timeline.lanes[0].spans[0].kind, SpanKind::running);
  EXPECT_NEAR(timeline.lanes[0].busy, 5, 1);
  EXPECT_FALSE(read_timeline(run, results::journal_time() + 100).epochs[0].alive);
}

TEST_F(TimelineTest, CountsClipsThatRunTogetherOnce) {
  write(1, 0, {start(10, "a"), start(10.001, "b"), done(20, "a"), done(20.5, "b")});
  EXPECT_NEAR(read_timeline(run, now).lanes[0].busy, 10.5, 0.01);
}

TEST_F(TimelineTest, PassesDamagedAndTornLinesOver) {
  write(1, 0, {start(1, "a"), done(2, "a")});
  std::ofstream(run.journal(1, 0), std::ios::app) << "{\"v\":1,\"rubbish\"\n"
                                                  << results::to_line(start(3, "b")) << "{\"v\"";
  EXPECT_THAT(read_timeline(run, now).lanes[0].spans, SizeIs(2));
}

TEST_F(TimelineTest, JoinsNeighboursWhereThereAreTooManyAndLosesNoItemOrSecond) {
  std::vector<results::Record> records;
  for (int i = 0; i < 20'000; ++i) {
    const std::string item = std::to_string(i);
    records.push_back(start(i, item));
    records.push_back(i % 5000 == 17 ? record(results::Event::failed, i + 0.5, item) : done(i + 0.5, item));
  }
  write(1, 0, records);
  const Lane lane = read_timeline(run, now, 1000).lanes[0];
  EXPECT_LE(lane.spans.size(), 1001u);
  EXPECT_GE(lane.spans.size(), 100u);
  std::uint32_t items = 0;
  std::uint32_t failed = 0;
  for (const Span& span : lane.spans) {
    items += span.items;
    if (span.kind == SpanKind::failed) ++failed;
    EXPECT_EQ(span.items == 1, !span.item.empty());
  }
  EXPECT_EQ(items, 20'000u);
  EXPECT_EQ(failed, 4u);
  EXPECT_NEAR(lane.busy, 10'000, 0.1);
}

TEST(Progress, IsTheCountAtEachTimeAndFewPointsOfMany) {
  std::vector<double> times{3, 1, 2};
  EXPECT_EQ(progress_json(times)["times"], (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(progress_json(times)["counts"], (std::vector<int>{1, 2, 3}));
  std::vector<double> many(100'000);
  std::iota(many.begin(), many.end(), 1);
  const nlohmann::json progress = progress_json(many, 100);
  EXPECT_EQ(progress["counts"].size(), 100u);
  EXPECT_EQ(progress["counts"].back(), 100'000);
  EXPECT_EQ(progress["times"].back(), 100'000.0);
}

}  // namespace
}  // namespace ditmill::jobs::watch

#include "jobs/cli/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "configs/error.h"
#include "jobs/watch/status/joblog.h"
#include "jobs/watch/status/progress_of_run.h"
#include "jobs/watch/status/status_json.h"
#include "jobs/watch/status/status_text.h"
#include "tests/jobs/made_up_run.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// Epoch 1 did items 0 to 4 a minute each and lost item 5; epoch 2 is at work on ten items a second.
struct StatusTest : ::testing::Test {
  StatusTest() {
    run.write_list(1000);
    std::vector<results::Record> old;
    for (std::size_t i = 0; i < 5; ++i) {
      old.push_back(made_up_record(results::Event::start, i, now - 5000 + 60 * double(i)));
      old.push_back(made_up_record(results::Event::done, i, now - 4940 + 60 * double(i)));
    }
    old.push_back(made_up_record(results::Event::start, 5, now - 4700));
    old.push_back(made_up_record(results::Event::failed, 5, now - 4690, "numeric: \x1b[31mNaN"));
    run.append(1, 0, old);
    run.write_epoch(1, false);
    run.write_outcome(
        R"({"exit":75,"done":5,"failed":1,"quarantined":0,"left":994,"reason":"stopped early","epoch":1})");
    std::vector<results::Record> young;
    for (std::size_t i = 6; i < 106; ++i) {
      young.push_back(made_up_record(results::Event::start, i, now - 10 + 0.1 * double(i - 6)));
      young.push_back(made_up_record(results::Event::done, i, now - 9.9 + 0.1 * double(i - 6)));
    }
    run.append(2, 0, young);
  }

  RunProgress look() { return RunWatcher{run.directory()}.look(now); }

  const double now = results::journal_time();
  MadeUpRun run;
};

TEST_F(StatusTest, CountsItemsOfAllEpochsAndTakesTheRateFromTheNewest) {
  run.write_epoch(2, true);
  const RunProgress progress = look();
  EXPECT_EQ(progress.life.state, RunState::running);
  EXPECT_FALSE(progress.life.outcome) << "it is of an older epoch";
  EXPECT_EQ(progress.total, 1000U);
  EXPECT_EQ(progress.done, 105U);
  EXPECT_EQ(progress.failed, 1U);
  EXPECT_EQ(progress.left, 894U);
  EXPECT_NEAR(progress.items_per_hour, 36000, 40);
  EXPECT_NEAR(progress.window_s, 10, 0.01);
  EXPECT_NEAR(progress.eta_s.value(), 89.4, 0.2);
  ASSERT_THAT(progress.groups, SizeIs(1));
  EXPECT_EQ(progress.groups[0].done, 100U);
}

TEST_F(StatusTest, KnowsHowTheNewestEpochEnded) {
  run.write_epoch(2, false);
  EXPECT_EQ(look().life.state, RunState::crashed);
  EXPECT_FALSE(look().eta_s);
  run.release_epoch(2);
  EXPECT_EQ(look().life.state, RunState::stopped);
  run::Outcome outcome{.counts = {.done = 105, .failed = 1, .left = 894},
                       .exit = 75,
                       .reason = "stopped early: 894 items left",
                       .epoch = 2};
  run.write_outcome(to_json(outcome).dump());
  EXPECT_EQ(look().life.state, RunState::stopped);
  EXPECT_EQ(look().life.reason, "stopped early: 894 items left, exit 75");
  EXPECT_EQ(to_json(look())["outcome"], to_json(outcome));
  outcome = {.counts = {.done = 999, .failed = 1}, .exit = 2, .reason = "1 item failed", .epoch = 2};
  run.write_outcome(to_json(outcome).dump());
  EXPECT_EQ(look().life.state, RunState::finished);
  run.write_outcome("{torn");
  EXPECT_EQ(look().life.state, RunState::stopped);
}

TEST_F(StatusTest, TakesAHeartbeatOfHalfAMinuteForADeadOwner) {
  results::EpochOwner elsewhere = results::this_process({});
  elsewhere.boot_id = "another";
  std::ofstream(run.directory().epoch(2)) << to_text(elsewhere);
  EXPECT_EQ(look().life.state, RunState::running);
  EXPECT_EQ(RunWatcher{run.directory()}.look(now + 40).life.state, RunState::crashed);
}

TEST_F(StatusTest, FollowsARunThatGoesOnWithoutCountingTwice) {
  run.write_epoch(2, true);
  RunWatcher watcher{run.directory()};
  EXPECT_EQ(watcher.look(now).done, 105U);
  run.append(
      2, 1,
      {made_up_record(results::Event::start, 5, now), made_up_record(results::Event::done, 5, now + 1)});
  const RunProgress later = watcher.look(now + 2);
  EXPECT_EQ(later.done, 106U);
  EXPECT_EQ(later.failed, 0U);
  EXPECT_THAT(later.errors, IsEmpty()) << "the item that failed is done now";
  EXPECT_THAT(later.groups, SizeIs(2));
  run.write_epoch(3, true);
  run.append(3, 0, {made_up_record(results::Event::start, 0, now + 3)});
  const RunProgress resumed = watcher.look(now + 4);
  EXPECT_EQ(resumed.life.epoch, 3);
  EXPECT_EQ(resumed.done, 105U) << "epoch 3 missed the part of item 0";
  ASSERT_THAT(resumed.groups, SizeIs(1));
  EXPECT_EQ(resumed.groups[0].items, "item0");
}

TEST_F(StatusTest, CallsACrashAStopThatSaysSo) {
  run.write_epoch(2, true);
  run.append(2, 1, {made_up_record(results::Event::crashed, 500, now, "rank 2 died of SIGSEGV")});
  const nlohmann::json error = to_json(look())["errors"][0];
  EXPECT_EQ(error["event"], "stopped");
  EXPECT_EQ(error["item"], "item500");
  EXPECT_EQ(error["reason"], "crash: rank 2 died of SIGSEGV");
  EXPECT_THAT(look().groups, SizeIs(1)) << "its journal is no group's";
}

TEST_F(StatusTest, CountsOnlyWhatTheListHolds) {
  run.write_epoch(2, true);
  RunWatcher watcher{run.directory()};
  watcher.look(now);
  run.write_list(50);
  const RunProgress progress = watcher.look(now);
  EXPECT_EQ(progress.total, 50U);
  EXPECT_EQ(progress.done, 49U);
  EXPECT_EQ(progress.left, 0U);
}

TEST_F(StatusTest, RefusesWhatIsNoRunDirectory) {
  for (const std::string& path : {run.directory().path() + "/parts", run.directory().path() + "/nothing"}) {
    try {
      const RunWatcher watcher{results::RunDirectory{path}};
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(exit_code(error.category()), 1);
      EXPECT_THAT(error.what(), HasSubstr(path));
    }
  }
}

TEST_F(StatusTest, ReportsTornTailsOfDeadEpochsOnly) {
  run.write_epoch(2, true);
  run.append_text(2, 0, "{\"v\":1");
  EXPECT_EQ(look().damage_count, 0U);
  run.append_text(1, 0, "{\"v\":1");
  EXPECT_EQ(look().damage_count, 1U);
  EXPECT_THAT(status_text(look()),
              AllOf(HasSubstr("1 damaged place of the journals"), HasSubstr("e0001-g000.jsonl")));
}

TEST_F(StatusTest, ShowsTheRanksOfARunThatCrashed) {
  run.write_epoch(2, false);
  dist::RankState rank(3);
  rank.publish(run.directory().status(2));
  rank.join(1);
  const std::vector<std::string> items{"item200", "item201"};
  rank.take(items);
  rank.set("denoising item item200, step 3 of 50");
  rank.die_of(11);
  const std::string text = status_text(look());
  EXPECT_THAT(text, AllOf(HasSubstr("CRASHED"), HasSubstr("is gone"), HasSubstr("SIGSEGV"),
                          HasSubstr("denoising item item200, step 3 of 50 [and 1 more]"),
                          HasSubstr("run the same command again: it resumes with the 894 items left")));
}

TEST_F(StatusTest, IsPlainAsciiOfAtMost120Columns) {
  run.write_epoch(2, true);
  std::ofstream(run.directory().path() + "/STOP") << "";
  run.append(2, 0,
             {made_up_record(results::Event::failed, 500, now, "“" + std::string(300, 'x') + "”\x1b[2J")});
  std::istringstream text(status_text(look()));
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 120U) << line;
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; })) << line;
  }
  EXPECT_THAT(status_text(look()), HasSubstr("STOP"));
  EXPECT_THAT(status_text(look(), {.colour = true}), HasSubstr("\x1b[1;32mRUNNING\x1b[0m"));
}

TEST_F(StatusTest, ShowsGroupsThatNeedSomebodyFirstWhereThereAreTooMany) {
  run.write_epoch(2, true);
  for (int group = 1; group < 200; ++group) {
    const double seconds = group == 150 ? 3 : 1;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t item = 200 + static_cast<std::size_t>(group) * 3 + i;
      run.append(2, group,
                 {made_up_record(results::Event::start, item, now),
                  made_up_record(results::Event::done, item, now + seconds)});
    }
  }
  const std::string text = status_text(look());
  EXPECT_THAT(text, AllOf(HasSubstr("SLOW 3.0x"), HasSubstr("... and 168 groups more")));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 50);
}

TEST_F(StatusTest, GivesAStableObject) {
  run.write_epoch(2, true);
  const json object = json::parse(to_json(look()).dump());
  for (const char* field : {"run",    "name",  "state",  "reason",      "time",    "epoch",         "owner",
                            "total",  "done",  "failed", "quarantined", "left",    "rate",          "eta_s",
                            "groups", "ranks", "errors", "stop_file",   "outcome", "journal_damage"}) {
    EXPECT_TRUE(object.contains(field)) << field;
  }
  EXPECT_EQ(object["state"], "running");
  EXPECT_EQ(object["owner"]["slurm_job"], "991");
  EXPECT_EQ(object["groups"][0]["done"], 100);
  EXPECT_EQ(object["errors"][0]["item"], "item5");
  EXPECT_EQ(object["errors"][0]["epoch"], 1);
  EXPECT_TRUE(object["groups"][0]["host"].is_null());
}

TEST(Status, SaysThatARunIsStillStarting) {
  MadeUpRun run;
  run.write_epoch(1, true);
  dist::RankState rank(0);
  rank.publish(run.directory().status(1));
  rank.set("reading weights");
  const RunProgress progress = RunWatcher{run.directory()}.look(results::journal_time());
  EXPECT_THAT(status_text(progress), AllOf(HasSubstr("not frozen yet"), HasSubstr("reading weights")));
  EXPECT_TRUE(to_json(progress)["total"].is_null());
}

/// Text whose lines another thread may count while it grows. (A std::stringbuf takes some characters by
/// overflow() and xsputn() both, and would count them twice.)
struct LineCounter : std::streambuf {
  std::string text;
  std::atomic<int> lines = 0;

 protected:
  std::streamsize xsputn(const char* added, std::streamsize count) override {
    text.append(added, static_cast<size_t>(count));
    lines += static_cast<int>(std::count(added, added + count, '\n'));
    return count;
  }
  int overflow(int character) override {
    const char added = static_cast<char>(character);
    return xsputn(&added, 1) == 1 ? character : traits_type::eof();
  }
};

TEST(Status, WatchesUntilTheRunIsOver) {
  MadeUpRun run;
  run.write_list(1);
  run.write_epoch(1, true);
  cli::StatusOptions options;
  options.run_directory = run.directory().path();
  options.watch = true;
  options.json = true;
  options.interval = std::chrono::milliseconds{20};
  LineCounter counter;
  std::ostream out(&counter);
  std::jthread worker([&run, &counter](const std::stop_token& stop) {
    while (counter.lines < 2 && !stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    run.append(1, 0, {made_up_record(results::Event::done, 0, results::journal_time())});
    run.write_outcome(
        to_json(run::Outcome{.counts = {.done = 1}, .reason = "all items done", .epoch = 1}).dump());
  });
  EXPECT_EQ(cli::show_status(options, out), 0);
  std::istringstream lines(counter.text);
  std::vector<json> looks;
  for (std::string line; std::getline(lines, line);) looks.push_back(json::parse(line));
  ASSERT_GT(looks.size(), 2U);
  EXPECT_EQ(looks.front()["state"], "running");
  EXPECT_EQ(looks.back()["state"], "finished");
  EXPECT_EQ(looks.back()["done"], 1);
}

TEST(Joblog, HasALineAnAttemptAsGnuParallelWritesIt) {
  MadeUpRun run;
  run.write_list(3);
  run.write_epoch(1, true);
  run.append(1, 0,
             {made_up_record(results::Event::start, 1, 1700000000.5),
              made_up_record(results::Event::start, 0, 1700000001),
              made_up_record(results::Event::start, 2, 1700000002),
              made_up_record(results::Event::failed, 1, 1700000002.75, "no"),
              made_up_record(results::Event::stopped, 0, 1700000003, "no time left"),
              made_up_record(results::Event::done, 2, 1700000012)});
  run.write_epoch(2, true);
  run.append(2, 0, {made_up_record(results::Event::start, 0, 1700000020)});
  run.write_epoch(3, true);
  run.append(3, 0, {made_up_record(results::Event::stopped, 0, 1700000021, "crash: killed by signal 9")});
  std::string text;
  EXPECT_EQ(write_joblog(run.directory(), [&](std::string_view piece) { text += piece; }).lines, 3U);
  const std::string host = results::this_process({}).host;
  EXPECT_EQ(text,
            "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
            "2\t" +
                host +
                "\t1700000000.500\t     2.250\t0\t0\t1\t0\titem1\n"
                "3\t" +
                host +
                "\t1700000002.000\t    10.000\t0\t0\t0\t0\titem2\n"
                "1\t" +
                host + "\t1700000020.000\t     1.000\t0\t0\t1\t0\titem0\n");
}

}  // namespace
}  // namespace ditmill::jobs::watch

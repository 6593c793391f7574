#include "jobs/run/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::run {
namespace {

TEST(Outcome, DrawsExitAndReasonFromWhatBecameOfTheItems) {
  const EarlyEnd none;
  const EarlyEnd stopped{.stopped = "SIGUSR2 at rank 0"};
  const EarlyEnd fails{.max_fails = "--max-fails 2"};
  const struct {
    Counts all;
    Counts chosen;
    EarlyEnd early;
    int exit;
    const char* reason;
  } cases[] = {
      {{.done = 3}, {.done = 3}, none, 0, "all items done"},
      {{.done = 3}, {.done = 3}, stopped, 0, "all items done"},
      {{.done = 2, .left = 1}, {.done = 2}, none, 0, "all 2 items chosen are done, 1 others left"},
      {{.done = 2, .failed = 1}, {.done = 2, .failed = 1}, none, 2, "1 item failed"},
      {{.failed = 2, .quarantined = 3},
       {.failed = 2, .quarantined = 3},
       none,
       2,
       "2 items failed, 3 quarantined"},
      {{.quarantined = 1}, {.quarantined = 1}, none, 2, "1 item quarantined"},
      {{.done = 1, .left = 2}, {.done = 1, .left = 2}, none, 75, "stopped early: 2 items left"},
      {{.failed = 1, .left = 2},
       {.failed = 1, .left = 2},
       stopped,
       75,
       "stopped early (SIGUSR2 at rank 0): 2 items left"},
      {{.failed = 2, .left = 5}, {.failed = 2, .left = 5}, fails, 2, "--max-fails 2: 2 items failed, 5 left"},
      {{.failed = 2, .left = 5},
       {.failed = 2, .left = 5},
       {.stopped = "SIGTERM", .max_fails = "--max-fails 2"},
       75,
       "--max-fails 2: 2 items failed, 5 left"},
  };
  for (const auto& each : cases) {
    const Outcome outcome = decide_outcome(each.all, each.chosen, each.early, 7);
    EXPECT_EQ(outcome.exit, each.exit) << each.reason;
    EXPECT_EQ(outcome.reason, each.reason);
    EXPECT_EQ(outcome.epoch, 7);
  }
}

TEST(Outcome, IsReadBackAsItWasWritten) {
  Outcome outcome = decide_outcome({.done = 1, .failed = 2, .quarantined = 3, .left = 4}, {.left = 4}, {}, 5);
  outcome.crashed = true;
  const auto read = outcome_from_text(to_json(outcome).dump());
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(outcome));
  EXPECT_FALSE(to_json(decide_outcome({}, {}, {}, 1)).contains("crashed"));
  for (const char* text : {"", "{}", "[]", "{\"exit\":0", "{\"exit\":\"0\"}"}) {
    EXPECT_FALSE(outcome_from_text(text)) << text;
  }
}

struct OutcomeFileTest : ::testing::Test {
  OutcomeFileTest() { run.create(); }

  tests::TempFolder folder;
  results::RunDirectory run{folder / "run"};
};

TEST_F(OutcomeFileTest, IsThatOfItsEpoch) {
  EXPECT_FALSE(read_outcome(run, Unreadable::throws)) << "there is none";
  write_outcome(run, {.counts = {.done = 1}, .reason = "all items done", .epoch = 5});
  EXPECT_EQ(read_outcome(run).value().reason, "all items done");
  EXPECT_TRUE(outcome_of_epoch(run, 5));
  EXPECT_FALSE(outcome_of_epoch(run, 6));
  EXPECT_EQ(results::durable::read_file(run.outcome()),
            "{\"done\":1,\"epoch\":5,\"exit\":0,\"failed\":0,\"left\":0,\"quarantined\":0,"
            "\"reason\":\"all items done\"}\n");
}

TEST_F(OutcomeFileTest, IsNoneWhereItCannotBeReadUnlessThatMatters) {
  folder.write("run/outcome.json", "{\"exit\":0");
  EXPECT_FALSE(read_outcome(run, Unreadable::throws)) << "torn";
  std::filesystem::remove(run.outcome());
  std::filesystem::create_directory(run.outcome());
  EXPECT_FALSE(read_outcome(run));
  EXPECT_FALSE(outcome_of_epoch(run, 1));
  EXPECT_THROW(read_outcome(run, Unreadable::throws), Error);
  EXPECT_THROW(outcome_of_epoch(run, 1, Unreadable::throws), Error);
}

}  // namespace
}  // namespace ditmill::jobs::run

#include "jobs/watch/status/run_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/results/journal/record.h"
#include "tests/jobs/made_up_run.h"

namespace ditmill::jobs::watch {
namespace {

using ::testing::HasSubstr;

run::Outcome outcome(int exit, std::size_t left = 0) {
  return {.counts = {.done = 1, .left = left}, .exit = exit, .reason = "why", .epoch = 3};
}

TEST(RunLife, IsCalledByTheStateAndInAReportByTheExit) {
  const double now = results::journal_time();
  const struct {
    const char* name;
    std::optional<run::Outcome> outcome;
    bool alive;
    RunState state;
    const char* word;
  } cases[] = {
      {"at work", std::nullopt, true, RunState::running, "running"},
      {"killed", std::nullopt, false, RunState::crashed, "crashed"},
      {"done", outcome(0), true, RunState::finished, "done"},
      {"with failures", outcome(2), false, RunState::finished, "failed"},
      {"--max-fails", outcome(2, 4), false, RunState::stopped, "failed"},
      {"stopped early", outcome(75, 4), false, RunState::stopped, "stopped"},
      {"no disk", outcome(3, 4), false, RunState::stopped, "crashed"},
  };
  for (const auto& each : cases) {
    const MadeUpRun made;
    made.write_epoch(3, each.alive);
    if (each.outcome) run::write_outcome(made.directory(), *each.outcome);
    const RunLife life = read_life(made.directory(), now);
    EXPECT_EQ(life.state, each.state) << each.name;
    EXPECT_EQ(report_word(life), each.word) << each.name;
    EXPECT_EQ(life.epoch, 3);
  }
}

TEST(RunLife, IsThatOfARunThatNeverStarted) {
  const MadeUpRun made;
  const RunLife life = read_life(made.directory(), 1);
  EXPECT_EQ(life.state, RunState::stopped);
  EXPECT_EQ(life.reason, never_started);
  EXPECT_EQ(report_word(life), "empty");
}

TEST(RunLife, OfAnEpochWithoutAFileIsThatOfItsOutcome) {
  const MadeUpRun made;
  RunLife life = read_life(made.directory(), 3, results::journal_time());
  EXPECT_EQ(life.state, RunState::crashed);
  EXPECT_THAT(life.reason, HasSubstr("gone"));
  EXPECT_FALSE(life.heartbeat_age_s);
  run::write_outcome(made.directory(), outcome(0));
  life = read_life(made.directory(), 3, results::journal_time());
  EXPECT_EQ(life.state, RunState::finished);
}

TEST(RunLife, OfAReleasedEpochWithoutAnOutcomeNamesTheLog) {
  const MadeUpRun made;
  made.write_epoch(3, true);
  made.release_epoch(3);
  const RunLife life = read_life(made.directory(), results::journal_time());
  EXPECT_EQ(life.state, RunState::stopped);
  EXPECT_THAT(life.reason, HasSubstr("its log"));
  EXPECT_EQ(report_word(life), "crashed") << "it left no outcome";
}

}  // namespace
}  // namespace ditmill::jobs::watch

#include "jobs/run/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

}  // namespace
}  // namespace ditmill::jobs::run

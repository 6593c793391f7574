#include "slurm/command.h"

#include <gtest/gtest.h>

#include <csignal>

namespace ditmill::slurm {
namespace {

TEST(RunCommand, TakesWhatACommandLeavesBehind) {
  const Ran ran = run_command({"sh", "-c", "cat; echo why >&2; exit 3"}, "given");
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.out, "given");
  EXPECT_EQ(ran.err, "why\n");
}

TEST(RunCommand, KillsWhatNeverEndsWhenPatienceDoes) {
  EXPECT_EQ(run_command({"sleep", "infinity"}, {}, std::chrono::milliseconds{1}).status, 128 + SIGKILL);
}

}  // namespace
}  // namespace ditmill::slurm

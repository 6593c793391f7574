#include "jobs/watch/status/slurm_view.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "jobs/watch/status/shards.h"
#include "jobs/watch/status/status_json.h"
#include "jobs/watch/status/status_text.h"

namespace ditmill::jobs::watch {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A run whose newest epoch is of job 12, restart 1, in this state.
RunProgress run_in(RunState state) {
  RunProgress progress;
  progress.now = 1;
  progress.life = {.state = state, .reason = "n1 is gone", .epoch = 2};
  progress.life.owner.slurm_job = "12";
  progress.life.owner.slurm_restart = 1;
  progress.eta_s = 60;
  return progress;
}

RunProgress with(RunProgress progress, slurm::JobFacts job) {
  take_slurm(progress, {.jobs = {std::move(job)}, .note = ""});
  return progress;
}

struct Case {
  const char* what;
  RunState before;
  slurm::JobFacts job;
  RunState after;
};

TEST(SlurmView, SaysWhetherTheRunWillGoOn) {
  const std::vector<Case> cases{
      {"put back after a crash",
       RunState::crashed,
       {.id = "12", .state = "PENDING", .restarts = 2},
       RunState::waiting},
      {"stopped, submitted again", RunState::stopped, {.id = "13", .state = "PENDING"}, RunState::waiting},
      {"its job begins again",
       RunState::crashed,
       {.id = "12", .state = "RUNNING", .restarts = 2},
       RunState::waiting},
      {"a rank died, its script ends",
       RunState::crashed,
       {.id = "12", .state = "RUNNING", .restarts = 1},
       RunState::crashed},
      {"at work", RunState::running, {.id = "12", .state = "RUNNING", .restarts = 1}, RunState::running},
      {"preempted, its heartbeat is young",
       RunState::running,
       {.id = "12", .state = "PENDING", .restarts = 2},
       RunState::waiting},
      {"killed, its heartbeat is young",
       RunState::running,
       {.id = "12", .state = "TIMEOUT", .restarts = 1},
       RunState::crashed},
      {"its last job ended, it is run by hand",
       RunState::running,
       {.id = "11", .state = "FAILED"},
       RunState::running},
      {"nothing is left", RunState::finished, {.id = "13", .state = "PENDING"}, RunState::finished},
      {"ended", RunState::stopped, {.id = "12", .state = "FAILED", .restarts = 1}, RunState::stopped}};
  for (const Case& one : cases) {
    EXPECT_EQ(with(run_in(one.before), one.job).life.state, one.after) << one.what;
  }
  EXPECT_EQ(with(RunProgress{}, {.id = "12", .state = "PENDING"}).life.state, RunState::waiting);
}

TEST(SlurmView, IsALineBesideTheRunsOwn) {
  const RunProgress waiting = with(run_in(RunState::crashed), {.id = "12",
                                                               .state = "PENDING",
                                                               .reason = "Resources",
                                                               .starts = "2026-11-27T04:00:00",
                                                               .restarts = 2});
  EXPECT_THAT(
      status_text(waiting),
      HasSubstr("Slurm: job 12 PENDING (Resources), expected to start 2026-11-27T04:00:00, 2 restarts\n"));
  EXPECT_THAT(status_text(waiting), HasSubstr("waiting: job 12 is in the queue; before: n1 is gone\n"));
  EXPECT_THAT(status_text(waiting), Not(HasSubstr("run the same command again")));
  EXPECT_EQ(to_json(waiting)["slurm"]["jobs"][0]["restarts"], 2);

  RunProgress forgotten = run_in(RunState::stopped);
  EXPECT_TRUE(to_json(forgotten)["slurm"].is_null());
  take_slurm(forgotten, {.jobs = {}, .note = "Slurm's controller does not answer"});
  EXPECT_THAT(status_text(forgotten), HasSubstr("Slurm: Slurm's controller does not answer\n"));
  EXPECT_EQ(forgotten.life.state, RunState::stopped);
}

TEST(SlurmView, KnowsATaskOfAnArrayByItsRawId) {
  const slurm::JobFacts ended{.id = "10_2", .raw_id = "12", .state = "FAILED", .restarts = 1};
  EXPECT_EQ(with(run_in(RunState::running), ended).life.state, RunState::crashed);
  const slurm::JobFacts again{.id = "10_2", .raw_id = "12", .state = "RUNNING", .restarts = 1};
  EXPECT_EQ(with(run_in(RunState::crashed), again).life.state, RunState::crashed)
      << "it is of this very start";
}

std::vector<int> waiting(const std::string& id) {
  ArrayProgress array;
  for (int i = 0; i < 12; ++i) array.shards.push_back({.index = i, .progress = {}});
  take_slurm(array, {.jobs = {{.id = id, .state = "PENDING"}}, .note = {}});
  std::vector<int> tasks;
  for (const ShardProgress& shard : array.shards) {
    if (shard.progress.life.state == RunState::waiting) tasks.push_back(shard.index);
  }
  return tasks;
}

TEST(SlurmView, ReadsTheTasksThatWaitHoweverSlurmWritesThem) {
  using ::testing::ElementsAre;
  EXPECT_THAT(waiting("7_3"), ElementsAre(3));
  EXPECT_THAT(waiting("7_0-2,5%2"), ElementsAre(0, 1, 2, 5));
  EXPECT_THAT(waiting("7_[1-7:3,9-10%1]"), ElementsAre(1, 4, 7, 9, 10));
  EXPECT_THAT(waiting("7_8-10,0-4:2"), ElementsAre(0, 2, 4, 8, 9, 10));
  EXPECT_THAT(waiting("7"), ElementsAre());
}

}  // namespace
}  // namespace ditmill::jobs::watch

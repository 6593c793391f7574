#include "jobs/run/crashes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "dist/liveness/fatal_signals.h"
#include "dist/liveness/process.h"
#include "dist/liveness/rank_state.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A rank of epoch 3 that has items in hand and then does what it is told, in a process of its own.
void rank_dies(const RunDirectory& run, int rank, const std::vector<std::string>& items,
               const std::function<void(dist::RankState&)>& does) {
  const pid_t child = ::fork();
  if (child == 0) {
    dist::RankState state(rank);
    state.publish(run.status(3));
    state.take(items);
    does(state);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

struct CrashesTest : ::testing::Test {
  tests::TempFolder temp;
  RunDirectory run{temp / "run"};
  std::string host = dist::this_process().host;

  void found_dead(int rank) {
    dist::note_death(run.status(3), dist::read_report(run.status(3), host, rank).value());
  }
};

TEST_F(CrashesTest, NameARankThatNotedItsOwnFatalSignal) {
  rank_dies(run, 2, {"tabby", "lynx"}, [](dist::RankState& state) {
    const dist::FatalSignals signals{state};
    std::raise(SIGSEGV);
  });
  const std::vector<Crash> crashes = read_crashes(run, 4);
  ASSERT_THAT(crashes, SizeIs(1));
  EXPECT_EQ(crashes[0].epoch, 3);
  EXPECT_THAT(crashes[0].how, HasSubstr("rank 2"));
  EXPECT_THAT(crashes[0].how, HasSubstr("died of SIGSEGV in epoch 3"));
  EXPECT_THAT(crashes[0].items, ElementsAre("tabby", "lynx"));
  EXPECT_THAT(read_crashes(run, 3), IsEmpty()) << "the epoch's own";
}

TEST_F(CrashesTest, NameARankThatAnotherFoundDeadAndNotTheOthers) {
  for (const int rank : {0, 1, 2}) {
    rank_dies(run, rank, {"item-" + std::to_string(rank)},
              [](dist::RankState&) { ::kill(::getpid(), SIGKILL); });
  }
  EXPECT_THAT(read_crashes(run, 4), IsEmpty()) << "all killed at once: nobody was left to find one dead";
  found_dead(1);
  ASSERT_THAT(read_crashes(run, 4), SizeIs(1));
  EXPECT_THAT(read_crashes(run, 4)[0].items, ElementsAre("item-1"));
}

TEST_F(CrashesTest, AreTheFirstOfAnEpoch) {
  rank_dies(run, 0, {"later"}, [](dist::RankState& state) {
    ::usleep(20'000);
    state.die_of(SIGABRT);
    ::kill(::getpid(), SIGKILL);
  });
  rank_dies(run, 1, {"last"}, [](dist::RankState&) { ::kill(::getpid(), SIGKILL); });
  ::usleep(20'000);
  found_dead(1);
  ASSERT_THAT(read_crashes(run, 4), SizeIs(1));
  EXPECT_THAT(read_crashes(run, 4)[0].items, ElementsAre("later"));
}

TEST_F(CrashesTest, AreNoneWhereThereIsNoRun) { EXPECT_THAT(read_crashes(run, 4), IsEmpty()); }

}  // namespace
}  // namespace ditmill::jobs

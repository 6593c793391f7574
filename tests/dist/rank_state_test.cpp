#include "dist/liveness/rank_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "configs/error.h"
#include "dist/liveness/process.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::dist {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct RankStateTest : ::testing::Test {
  tests::TempFolder temp;
  std::string folder = temp / "status/e0001";
  std::string host = this_process().host;
};

/// A child that publishes a state as rank 1 and stays in the middle of changing it; killed by SIGKILL.
class Child {
 public:
  explicit Child(const std::string& folder, bool leaves = false) {
    int ready[2] = {};
    if (::pipe(ready) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      RankState state(1);
      state.publish(folder);
      state.set("denoising item tabby");
      if (leaves) state.leave();
      [[maybe_unused]] const ssize_t ignored = ::write(ready[1], "r", 1);
      for (;;) state.step();
    }
    char byte = 0;
    [[maybe_unused]] const ssize_t ignored = ::read(ready[0], &byte, 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(RankStateTest, TellsInMemoryBeforeItHasAFile) {
  RankState state(3);
  EXPECT_EQ(state.report().doing, "starting");
  state.set("loading dit");
  EXPECT_EQ(state.report().doing, "loading dit");
  EXPECT_EQ(state.report().rank, 3);
  EXPECT_EQ(state.folder(), "");
}

TEST_F(RankStateTest, KeepsWhatWasSaidWhenItGetsAFile) {
  RankState state(3);
  state.set("loading dit");
  state.publish(folder);
  const auto filed = read_report(folder, host, 3);
  ASSERT_TRUE(filed);
  EXPECT_EQ(filed->doing, "loading dit");
  EXPECT_EQ(filed->pid, ::getpid());
  EXPECT_EQ(filed->host, host);
  state.wait("waiting for rank 0");
  EXPECT_EQ(read_report(folder, host, 3)->doing, "waiting for rank 0");
  EXPECT_TRUE(read_report(folder, host, 3)->waits);
}

TEST_F(RankStateTest, CutsALongTextBetweenCharacters) {
  RankState state(0);
  state.set(std::string(199, 'x') + "\xC3\xA9");
  EXPECT_EQ(state.report().doing, std::string(199, 'x'));
  state.set(std::string(198, 'x') + "\xC3\xA9 and more");
  EXPECT_EQ(state.report().doing, std::string(198, 'x') + "\xC3\xA9");
}

TEST_F(RankStateTest, EveryWordOfItIsProgress) {
  RankState state(0);
  const std::uint64_t before = state.version();
  state.set("step 1");
  state.set("step 1");
  state.step();
  EXPECT_EQ(state.version(), before + 3);
  EXPECT_EQ(state.report().doing, "step 1");
}

TEST_F(RankStateTest, NobodyReadsATornText) {
  RankState state(0);
  state.publish(folder);
  std::atomic<bool> ends = false;
  std::thread writer([&] {
    for (std::size_t i = 0; !ends; ++i) {
      state.set(std::string(1 + i % RankState::longest_text, static_cast<char>('a' + i % 26)));
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = state.report().doing;
    const std::string filed = read_report(folder, host, 0)->doing;
    for (const std::string& each : {text, filed}) {
      if (each == "starting") continue;
      ASSERT_EQ(each, std::string(each.size(), each.front()));
      // Length and letter belong to the same i.
      ASSERT_EQ((each.size() - 1) % 2, static_cast<std::size_t>(each.front() - 'a') % 2);
    }
  }
  ends = true;
  writer.join();
}

TEST_F(RankStateTest, IsReadWholeAfterItsOwnerWasKilledInTheMiddle) {
  const RankReport self = RankState(0).report();
  for (int i = 0; i < 20; ++i) {
    const std::string own = folder + std::to_string(i);
    Child child(own);
    ASSERT_FALSE(has_died(*read_report(own, host, 1), self));
    child.kill();
    const auto filed = read_report(own, host, 1);
    ASSERT_TRUE(filed);
    EXPECT_EQ(filed->doing, "denoising item tabby");
    EXPECT_TRUE(has_died(*filed, self));
  }
}

TEST_F(RankStateTest, WhoLeftIsNotTakenForDead) {
  const RankReport self = RankState(0).report();
  Child child(folder, true);
  child.kill();
  EXPECT_FALSE(has_died(*read_report(folder, host, 1), self));
}

TEST_F(RankStateTest, AnotherMachinesPidsSayNothing) {
  RankReport elsewhere = RankState(0).report();
  elsewhere.machine += 1;
  Child child(folder);
  child.kill();
  EXPECT_FALSE(has_died(*read_report(folder, host, 1), elsewhere));
}

TEST_F(RankStateTest, AStoppedProcessIsToldFromARunningOne) {
  const Child child(folder);
  EXPECT_FALSE(process_is_stopped(child.pid()));
  child.signal(SIGSTOP);
  int status = 0;
  ::waitpid(child.pid(), &status, WUNTRACED);
  EXPECT_TRUE(process_is_stopped(child.pid()));
  EXPECT_GT(process_start(child.pid()), 0U);
}

TEST_F(RankStateTest, AllRanksOfAHostAreRead) {
  RankState ten(10);
  RankState two(2);
  ten.publish(folder);
  two.publish(folder);
  std::ofstream(folder + "/" + host + ".r00004") << "no record";
  std::ofstream(folder + "/elsewhere.r00005") << "no record";
  const std::vector<RankReport> reports = read_reports(folder, host);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].rank, 2);
  EXPECT_EQ(reports[1].rank, 10);
  EXPECT_THAT(read_reports(temp / "nowhere", host), IsEmpty());
}

TEST_F(RankStateTest, TheLastRankTakesTheFolderWithIt) {
  {
    RankState two(2);
    two.publish(folder);
    {
      RankState one(1);
      one.publish(folder);
    }
    EXPECT_FALSE(read_report(folder, host, 1));
    EXPECT_TRUE(read_report(folder, host, 2));
  }
  EXPECT_FALSE(std::filesystem::exists(temp / "status"));
}

TEST_F(RankStateTest, StaysInMemoryWhereNoFileCanBeMade) {
  temp.write("file", "");
  RankState state(0);
  EXPECT_THROW(state.publish(temp / "file/e0001"), Error);
  state.set("loading dit");
  EXPECT_EQ(state.report().doing, "loading dit");
}

}  // namespace
}  // namespace ditmill::dist

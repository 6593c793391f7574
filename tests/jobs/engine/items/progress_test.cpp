#include "jobs/engine/items/progress.h"

#include <gmock/gmock.h>

#include <vector>

#include "configs/time_text.h"
#include "jobs/plan/pilot/schedule.h"

namespace ditmill::jobs::engine {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct FakeTerminal {
  std::chrono::steady_clock::time_point now{};
  std::vector<std::string> written;

  Progress progress(std::size_t total, std::size_t already_done, bool terminal) {
    return {total, already_done, terminal, [this](const std::string& text) { written.push_back(text); },
            [this] { return now; }};
  }
};

TEST(Progress, WritesPlainLinesNowAndThenWhereThereIsNoTerminal) {
  FakeTerminal fake;
  Progress progress = fake.progress(10, 0, false);
  progress.done(1);
  progress.tick();
  EXPECT_THAT(fake.written, IsEmpty());
  fake.now += seconds{4};
  progress.tick();
  progress.tick();
  EXPECT_THAT(fake.written, ElementsAre("1 done, 0 failed of 10, 4 s an item, 36s left\n"));
}

TEST(Progress, SaysNothingTwice) {
  FakeTerminal fake;
  Progress progress = fake.progress(10, 0, false);
  fake.now += seconds{4};
  progress.tick();
  fake.now += seconds{60};
  progress.tick();
  EXPECT_THAT(fake.written, ElementsAre("0 done, 0 failed of 10\n"));
}

TEST(Progress, CountsEarlierItemsAsDoneButNotForTheRate) {
  FakeTerminal fake;
  Progress progress = fake.progress(100, 90, false);
  fake.now += seconds{20};
  progress.done(1);
  progress.failed(1);
  EXPECT_EQ(progress.state(), "91 done, 1 failed of 100, 10 s an item, 1m20s left");
}

TEST(Progress, RewritesABarOnATerminal) {
  FakeTerminal fake;
  Progress progress = fake.progress(2, 0, true);
  progress.done(1);
  fake.now += seconds{1};
  progress.tick();
  progress.done(1);
  progress.finish();
  ASSERT_EQ(fake.written.size(), 3U);
  EXPECT_THAT(fake.written[0], testing::StartsWith("\r[===============               ] 1 done"));
  EXPECT_THAT(fake.written[1], HasSubstr("[==============================] 2 done, 0 failed of 2"));
  EXPECT_EQ(fake.written[2], "\n");
}

TEST(DurationText, ChoosesItsUnits) {
  EXPECT_EQ(duration_text(0.4), "0s");
  EXPECT_EQ(duration_text(59.4), "59s");
  EXPECT_EQ(duration_text(86), "1m26s");
  EXPECT_EQ(duration_text(3 * 3600 + 7 * 60 + 12), "3h07m");
}

TEST(GrantSize, GivesWindowsWhileTheListIsLongAndSingleItemsNearItsEnd) {
  EXPECT_EQ(plan::grant_size(1'000'000, 8, 64), 64U);
  EXPECT_EQ(plan::grant_size(100, 8, 64), 6U);
  EXPECT_EQ(plan::grant_size(7, 4, 64), 1U);
  EXPECT_EQ(plan::grant_size(1, 4, 64), 1U);
  EXPECT_EQ(plan::grant_size(0, 4, 64), 0U);
}

TEST(GrantSize, GivesWhatAGroupComputesAtOnceWhileThatLeavesTheOthersTheirShare) {
  EXPECT_EQ(plan::grant_size(5, 1, 64, 16), 5U);
  EXPECT_EQ(plan::grant_size(100, 1, 64, 16), 50U);
  EXPECT_EQ(plan::grant_size(9, 4, 64, 16), 3U);
  EXPECT_EQ(plan::grant_size(40, 4, 64, 16), 10U);
  EXPECT_EQ(plan::grant_size(1000, 4, 8, 16), 16U);
}

}  // namespace
}  // namespace ditmill::jobs::engine

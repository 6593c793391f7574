#include "jobs/engine/items/early_ending.h"

#include <gmock/gmock.h>

namespace ditmill::jobs::engine {
namespace {

using std::chrono::seconds;

/// On another rank than rank 0, before its items, with a clock that stands.
struct EarlyEndingTest : ::testing::Test {
  const StopSwitch::Clock::time_point now{};

  EarlyEnding ending(seconds grace) const {
    return {1, grace, [](const run::Outcome&) {}, [now = now] { return now; }};
  }
  double after(StopSwitch::Clock::time_point moment) const {
    return std::chrono::duration<double>(moment - now).count();
  }
  double deadline_of_a_stop(seconds grace) const {
    EarlyEnding ending = this->ending(grace);
    ending.obey({.kind = dist::Order::Kind::finish, .why = "SIGUSR2"});
    return after(ending.stop().stopped()->deadline);
  }
  double last_moment(seconds grace, double left) const {
    EarlyEnding ending = this->ending(grace);
    ending.end_within(left);
    return after(*ending.stop().last_moment());
  }
};

TEST_F(EarlyEndingTest, KeepsATenthOfTheGraceForSealingButNoMoreThanTwoSeconds) {
  EXPECT_DOUBLE_EQ(deadline_of_a_stop(seconds{2}), 1.8);
  EXPECT_DOUBLE_EQ(deadline_of_a_stop(seconds{90}), 88);
}

TEST_F(EarlyEndingTest, BeginsNothingThatWouldEndInTheLastThirdOfTheGraceBeforeTheTimeLimit) {
  EXPECT_DOUBLE_EQ(last_moment(seconds{90}, 600), 570);
  EXPECT_DOUBLE_EQ(last_moment(seconds{6}, 24), 19) << "at least five seconds";
}

}  // namespace
}  // namespace ditmill::jobs::engine

#include "jobs/engine/items/in_hand.h"

#include <gtest/gtest.h>

namespace ditmill::jobs::engine {
namespace {

using std::chrono::milliseconds;

std::vector<WorkItem> item_of(int width) {
  WorkItem work;
  work.item.request.width = width;
  work.item.request.height = 10;
  work.item.request.frames = 1;
  return {work};
}

struct InHandTest : ::testing::Test {
  InHand::Clock::time_point now{};  ///< turned by the test
  InHand hand{[this] { return now; }};

  void compute(int width, milliseconds time, bool computed = true) {
    hand.take(item_of(width));
    now += time;
    hand.finish(computed);
  }
  InHand::Clock::time_point in(int time) const { return now + milliseconds{time}; }
};

TEST_F(InHandTest, FitsWhileThereIsTimeAsLongAsNothingIsMeasured) {
  EXPECT_TRUE(hand.fit_before(in(1)));
  hand.take(item_of(10));
  EXPECT_TRUE(hand.fit_before(in(1)));
  EXPECT_FALSE(hand.fit_before(in(0)));
}

TEST_F(InHandTest, FitsByTheMedianOfItsSize) {
  compute(10, milliseconds{1});
  compute(10, milliseconds{800});
  compute(10, milliseconds{900});
  hand.take(item_of(10));
  EXPECT_TRUE(hand.fit_before(in(800)));
  EXPECT_FALSE(hand.fit_before(in(799)));
}

TEST_F(InHandTest, CountsWhatHasPassedOfTheItemInHand) {
  compute(10, milliseconds{800});
  hand.take(item_of(10));
  now += milliseconds{700};
  EXPECT_TRUE(hand.fit_before(in(100)));
  EXPECT_FALSE(hand.fit_before(in(99)));
}

TEST_F(InHandTest, JudgesAnotherSizeByItsPixels) {
  compute(10, milliseconds{50});
  hand.take(item_of(1000));
  EXPECT_TRUE(hand.fit_before(in(5000)));
  EXPECT_FALSE(hand.fit_before(in(4999)));
}

TEST_F(InHandTest, JudgesWhatIsNotBegunFromNowOn) {
  EXPECT_EQ(hand.fitting(item_of(10), in(1)), 1U) << "nothing is measured";
  EXPECT_EQ(hand.fitting(item_of(10), in(-1)), 0U);
  compute(10, milliseconds{100});
  now += milliseconds{3000};
  EXPECT_EQ(hand.fitting(item_of(10), in(100)), 1U);
  EXPECT_EQ(hand.fitting(item_of(10), in(99)), 0U);
}

TEST_F(InHandTest, LearnsNothingFromItemsThatFailed) {
  compute(10, milliseconds{500});
  for (int i = 0; i < 5; ++i) compute(10, milliseconds{0}, false);
  hand.take(item_of(10));
  EXPECT_FALSE(hand.fit_before(in(499)));
}

TEST_F(InHandTest, HoldsNothingBetweenItems) {
  compute(10, milliseconds{500});
  EXPECT_TRUE(hand.items().empty());
  EXPECT_TRUE(hand.fit_before(in(1)));
}

}  // namespace
}  // namespace ditmill::jobs::engine

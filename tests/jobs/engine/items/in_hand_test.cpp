#include "jobs/engine/items/in_hand.h"

#include <gtest/gtest.h>

#include <thread>

namespace ditmill::jobs {
namespace {

using std::chrono::milliseconds;

std::vector<WorkItem> item_of(int width) {
  WorkItem work;
  work.item.request.width = width;
  work.item.request.height = 10;
  work.item.request.frames = 1;
  return {work};
}

void compute(InHand& hand, int width, milliseconds time, bool computed = true) {
  hand.take(item_of(width));
  std::this_thread::sleep_for(time);
  hand.finish(computed);
}

InHand::Clock::time_point in(milliseconds time) { return InHand::Clock::now() + time; }

TEST(InHand, FitsWhileThereIsTimeAsLongAsNothingIsMeasured) {
  InHand hand;
  EXPECT_TRUE(hand.fit_before(in(milliseconds{10'000})));
  hand.take(item_of(10));
  EXPECT_TRUE(hand.fit_before(in(milliseconds{10'000})));
  EXPECT_FALSE(hand.fit_before(in(milliseconds{-1})));
}

TEST(InHand, FitsByTheMedianOfItsSize) {
  InHand hand;
  compute(hand, 10, milliseconds{1});
  compute(hand, 10, milliseconds{800});
  compute(hand, 10, milliseconds{800});
  hand.take(item_of(10));
  EXPECT_TRUE(hand.fit_before(in(milliseconds{10'000})));
  EXPECT_FALSE(hand.fit_before(in(milliseconds{550}))) << "the mean";
}

TEST(InHand, JudgesAnotherSizeByItsPixels) {
  InHand hand;
  compute(hand, 10, milliseconds{50});
  hand.take(item_of(1000));
  EXPECT_FALSE(hand.fit_before(in(milliseconds{4000})));
}

TEST(InHand, JudgesWhatIsNotBegunFromNowOn) {
  InHand hand;
  EXPECT_TRUE(hand.would_fit(item_of(10), in(milliseconds{10'000}))) << "nothing is measured";
  EXPECT_FALSE(hand.would_fit(item_of(10), in(milliseconds{-1})));
  compute(hand, 10, milliseconds{100});
  EXPECT_TRUE(hand.would_fit(item_of(10), in(milliseconds{30'000})));
  EXPECT_FALSE(hand.would_fit(item_of(10), in(milliseconds{80})));
}

TEST(InHand, LearnsNothingFromItemsThatFailed) {
  InHand hand;
  compute(hand, 10, milliseconds{500});
  for (int i = 0; i < 5; ++i) compute(hand, 10, milliseconds{0}, false);
  hand.take(item_of(10));
  EXPECT_FALSE(hand.fit_before(in(milliseconds{100})));
}

TEST(InHand, HoldsNothingBetweenItems) {
  InHand hand;
  compute(hand, 10, milliseconds{500});
  EXPECT_TRUE(hand.items().empty());
  EXPECT_TRUE(hand.fit_before(in(milliseconds{300})));
}

}  // namespace
}  // namespace ditmill::jobs

#include "jobs/results/journal/item_decision.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jobs/results/journal/item_states.h"
#include "jobs/results/journal/open_attempts.h"

namespace ditmill::jobs::results {
namespace {

struct Said {
  int epoch;
  double time;
  Event event;
};

Record record(const Said& said) {
  return {.time = said.time, .event = said.event, .item = "a", .key = "k", .content = "c"};
}

Event decided(const std::vector<Said>& said, Parts parts) {
  ItemDecision decision;
  for (const Said& each : said) decision.take(each.epoch, record(each), parts);
  return decision.event();
}

TEST(ItemDecision, IsTheFirstDoneElseTheLastEvent) {
  const struct {
    const char* name;
    std::vector<Said> said;
    Event event;
  } cases[] = {
      {"nothing", {}, Event::start},
      {"the last", {{1, 1, Event::start}, {1, 2, Event::failed}}, Event::failed},
      {"of the newest epoch, whatever its clock",
       {{1, 9, Event::failed}, {2, 3, Event::start}},
       Event::start},
      {"of one epoch's groups the later in time",
       {{1, 5, Event::start}, {1, 4, Event::failed}},
       Event::start},
      {"a done of another group, though it was before",
       {{1, 5, Event::start}, {1, 4, Event::done}},
       Event::done},
      {"a done, whatever its epoch says later", {{1, 1, Event::done}, {1, 2, Event::failed}}, Event::done},
  };
  for (const auto& each : cases) {
    for (const Parts parts : {Parts::checked, Parts::unseen}) {
      EXPECT_EQ(decided(each.said, parts), each.event) << each.name;
    }
  }
}

TEST(ItemDecision, HoldsADoneLostThatALaterEpochTakesUpOnlyWherePartsAreUnseen) {
  for (const Event later : {Event::start, Event::failed, Event::stopped}) {
    EXPECT_EQ(decided({{1, 1, Event::done}, {2, 2, later}}, Parts::checked), Event::done);
    EXPECT_EQ(decided({{1, 1, Event::done}, {2, 2, later}}, Parts::unseen), later);
  }
}

TEST(ItemDecision, TellsWhoTakesARecordWhetherItDecides) {
  ItemDecision decision;
  EXPECT_TRUE(decision.take(1, record({1, 5, Event::done}), Parts::checked));
  EXPECT_FALSE(decision.take(2, record({2, 6, Event::done}), Parts::checked)) << "the first counts";
  EXPECT_TRUE(decision.take(1, record({1, 4, Event::done}), Parts::checked)) << "another group was first";
  EXPECT_EQ(decision.time(), 4);
}

TEST(ItemDecision, IsSmallForThereAreMillions) { EXPECT_LE(sizeof(ItemDecision), 16U); }

TEST(OutcomeCounts, CountUnderTheNameOfTheOutcome) {
  OutcomeCounts counts;
  counts.of(ItemOutcome::done) = 4;
  counts.of(ItemOutcome::failed) = 3;
  counts.of(ItemOutcome::quarantined) = 2;
  counts.of(ItemOutcome::left) = 1;
  EXPECT_EQ(counts, (OutcomeCounts{.done = 4, .failed = 3, .quarantined = 2, .left = 1}));
  EXPECT_EQ(std::as_const(counts).of(ItemOutcome::quarantined), 2U);
  EXPECT_EQ(counts.given_up(), 5U);
  EXPECT_EQ(counts.total(), 10U);
}

TEST(ItemStates, FindTheDoneOnesOnly) {
  ItemStates states;
  EXPECT_FALSE(states.find_done("k"));
  states.take(1, record({1, 1, Event::start}));
  EXPECT_FALSE(states.find_done("k"));
  states.take(1, record({1, 2, Event::done}));
  ASSERT_TRUE(states.find_done("k"));
  EXPECT_EQ(states.find_done("k")->record.time, 2);
  EXPECT_EQ(states.find_done("k")->started, 1);
}

TEST(OpenAttempts, GiveAnEndTheLastStartOfItsKeyOnce) {
  OpenAttempts attempts;
  EXPECT_FALSE(attempts.take(record({1, 1, Event::failed}))) << "its start was not seen";
  EXPECT_FALSE(attempts.take(record({1, 2, Event::start})));
  EXPECT_FALSE(attempts.take(record({1, 3, Event::start}))) << "the one before was killed";
  EXPECT_FALSE(attempts.take({.time = 4, .event = Event::done, .key = "another"}));
  ASSERT_EQ(attempts.by_key().size(), 1U);
  for (const Event end : {Event::done, Event::failed, Event::quarantined, Event::stopped, Event::crashed}) {
    const std::optional<Attempt> ended = attempts.take(record({1, 5, end}));
    ASSERT_TRUE(ended) << name(end);
    EXPECT_EQ(ended->begin, 3);
    EXPECT_EQ(ended->item, "a");
    EXPECT_FALSE(attempts.take(record({1, 6, end}))) << name(end);
    attempts.take(record({1, 3, Event::start}));
  }
}

}  // namespace
}  // namespace ditmill::jobs::results

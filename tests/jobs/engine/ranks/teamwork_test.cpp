#include "jobs/engine/ranks/teamwork.h"

#include <gtest/gtest.h>

#include <new>

namespace ditmill::jobs::engine {
namespace {

/// What comes of an error of this kind in a step that so many ranks take together.
struct Met {
  bool returned = false;
  bool abandoned = false;

  bool operator==(const Met&) const = default;
};

Met meet(int ranks, Category category) {
  Met met;
  met.returned = run_together(
                     ranks,
                     [&] {
                       throw Error{category, "denoise"};
                     },
                     [&](const Error&) { met.abandoned = true; })
                     .has_value();
  return met;
}

TEST(RunTogether, KeepsWhatFollowsFromTheInputAndAbandonsTheJobForWhatOneRankMayMeetAlone) {
  for (const Category category : {Category::numeric, Category::bad_input, Category::unsupported}) {
    EXPECT_EQ(meet(2, category), (Met{.returned = true})) << name(category);
  }
  for (const Category category : {Category::memory, Category::internal, Category::communication,
                                  Category::device, Category::io, Category::no_space}) {
    EXPECT_EQ(meet(2, category), (Met{.returned = true, .abandoned = true})) << name(category);
    EXPECT_EQ(meet(1, category), (Met{.returned = true})) << "nobody waits for " << name(category);
  }
}

TEST(RunTogether, TakesWhatIsNoErrorForOne) {
  const auto failure = run_together(1, [] { throw std::bad_alloc{}; }, {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->category(), Category::memory);
  EXPECT_FALSE(run_together(1, [] {}, {}));
}

}  // namespace
}  // namespace ditmill::jobs::engine

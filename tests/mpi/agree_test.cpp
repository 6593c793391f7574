#include "dist/comm/agree.h"

#include <new>
#include <set>
#include <stdexcept>

#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::expect_same_everywhere;
using mpi_test::world;
using testing::HasSubstr;

/// The error that agree() throws; fails if it throws none.
Error agreed(const std::function<void()>& local) {
  try {
    agree(world(), local);
  } catch (const Error& error) {
    expect_same_everywhere(to_text(error));
    return error;
  }
  ADD_FAILURE() << "no error";
  return {Category::internal, "none"};
}

TEST(Agree, ReturnsWhereNoRankFails) {
  int calls = 0;
  agree(world(), [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(Agree, ThrowsTheErrorOfTheLowestRankOnEveryRank) {
  const int last = world().size() - 1;
  for (const std::set<int>& failing :
       {std::set{0}, std::set{last}, std::set{0, last}, std::set{last / 2, last}}) {
    const Error error = agreed([&] {
      if (!failing.contains(world().rank())) return;
      throw Error{Category::io,      "read",      Where{.file = "f", .offset = 7},
                  Expected{"bytes"}, Got{"none"}, "retry"};
    });
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_EQ(error.where().file, "f");
    EXPECT_EQ(error.where().offset, 7u);
    EXPECT_EQ(error.where().rank, world().size() == 1 ? -1 : *failing.begin());
    EXPECT_THAT(error.hint(), HasSubstr("retry"));
  }
}

TEST(Agree, SaysEqualMessagesOnce) {
  const Error error = agreed([] { throw Error{Category::no_space, "write the very same"}; });
  const std::string what = error.what();
  EXPECT_EQ(what.find("the very same"), what.rfind("the very same"));
  const char* const others[] = {"", "", "the same on rank 1", "the same on ranks 1, 2",
                                "the same on ranks 1-3"};
  EXPECT_EQ(error.hint(), others[std::min(world().size(), 4)]);
}

TEST(Agree, TellsDifferentMessagesToo) {
  const Error error = agreed([] {
    if (world().rank() == 0) throw Error{Category::io, "first words"};
    throw Error{Category::memory, "second words"};
  });
  EXPECT_EQ(error.category(), Category::io);
  if (world().size() == 1) {
    EXPECT_STREQ(error.what(), "first words");
    return;
  }
  EXPECT_THAT(error.what(), HasSubstr("first words (rank 0)"));
  EXPECT_THAT(error.what(), HasSubstr("second words"));
}

TEST(Agree, KeepsTheRankThatAnErrorAlreadyNames) {
  const Error error = agreed([] { throw Error{Category::io, "read", Where{.rank = 17}}; });
  EXPECT_EQ(error.where().rank, 17);
}

TEST(Agree, MakesAnErrorOfEveryException) {
  EXPECT_EQ(agreed([] { throw std::bad_alloc(); }).category(), Category::memory);
  const Error other = agreed([] { throw std::runtime_error("words \xff of it"); });
  EXPECT_EQ(other.category(), Category::internal);
  EXPECT_THAT(other.what(), HasSubstr("words \\xff of it"));
}

TEST(Agree, KeepsAllProblemsOfTheUsersInput) {
  const Error error = agreed([] {
    if (world().rank() == 0) throw Error(std::vector<Problem>{{.message = "one"}, {.message = "two"}});
  });
  EXPECT_EQ(error.problems().size(), 2u);
  EXPECT_EQ(error.category(), Category::usage);
}

TEST(Agree, LeavesTheCommunicatorUsable) {
  for (int round = 0; round < 3; ++round) {
    agreed([] { throw Error{Category::io, std::string(100'000, 'x')}; });
    agree(world(), [] {});
  }
}

TEST(AgreeOn, AgreesOnAFailureOfEarlier) {
  agree_on(world(), std::nullopt);
  const bool mine = world().rank() == world().size() - 1;
  try {
    agree_on(world(), mine ? std::optional(Error{Category::device, "earlier"}) : std::nullopt);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.doing(), "earlier");
  }
}

}  // namespace
}  // namespace ditmill::dist

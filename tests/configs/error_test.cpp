#include "configs/error.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace ditmill {
namespace {

TEST(Error, SaysWhatWasDoneWhereExpectedGotAndWhatToDo) {
  const Error error{Category::bad_input,
                    "read safetensors header",
                    Where{.file = "a.safetensors", .offset = 8, .tensor = "blocks.0\n", .rank = 3},
                    Expected{"16 bytes"},
                    Got{"12"},
                    "fetch the file again"};
  EXPECT_STREQ(
      error.what(),
      "read safetensors header (a.safetensors, byte 8, tensor blocks.0\\x0a, rank 3): expected 16 bytes, got "
      "12; fetch the file again");
}

TEST(Error, LeavesOutWhatIsNotKnown) {
  EXPECT_STREQ((Error{Category::io, "close"}).what(), "close");
  EXPECT_STREQ((Error{Category::io, "close", {}, {}, Got{"no space"}}).what(), "close: no space");
  EXPECT_STREQ((Error{Category::io, "close", {}, Expected{"a file"}}).what(), "close: expected a file");
  EXPECT_STREQ((Error{Category::io, "load", Where{.line = 4, .key = "a.b", .item = "tabby"}}).what(),
               "load (line 4, a.b, item tabby)");
}

TEST(Error, IsCopiedWithWhatIsToBeAnother) {
  const Error error{Category::io,  "read",   Where{.file = "a", .rank = 2},
                    Expected{"8"}, Got{"7"}, "try again"};
  const Error same = error.with({});
  EXPECT_STREQ(same.what(), error.what());
  EXPECT_EQ(same.category(), Category::io);
  const Error other =
      error.with({.category = Category::bad_input, .where = Where{.file = "b"}, .got = "6", .hint = ""});
  EXPECT_EQ(other.category(), Category::bad_input);
  EXPECT_STREQ(other.what(), "read (b): expected 8, got 6");
  const Error problems{std::vector<Problem>{{.message = "wrong"}}};
  EXPECT_STREQ(problems.with({.category = Category::io, .hint = "do it"}).what(), "wrong");
  EXPECT_EQ(problems.with({.category = Category::io}).category(), Category::usage);
}

TEST(Error, PlacesAreWrittenAsEditorsReadThem) {
  EXPECT_EQ((Where{.file = "m.yaml", .line = 3, .column = 7}).place(), "m.yaml:3:7");
  EXPECT_EQ((Where{.file = "m.yaml", .line = 3}).place(), "m.yaml:3");
  EXPECT_EQ((Where{.file = "m.yaml", .column = 7}).place(), "m.yaml");
  EXPECT_EQ(Where{}.place(), "");
}

TEST(Error, ShowsTwentyProblemsThenACount) {
  std::vector<Problem> problems;
  for (int i = 1; i <= 23; ++i) problems.push_back({.file = "m.yaml", .line = i, .message = "wrong"});
  const Error error(problems);
  const std::string what = error.what();
  EXPECT_EQ(std::count(what.begin(), what.end(), '\n'), 20);
  EXPECT_THAT(what, testing::StartsWith("m.yaml:1: wrong\nm.yaml:2: wrong\n"));
  EXPECT_THAT(what, testing::EndsWith("m.yaml:20: wrong\n... and 3 more problems"));
  EXPECT_EQ(error.problems().size(), 23U);
  EXPECT_EQ(error.category(), Category::usage);
}

TEST(Error, ProblemsTellExpectedGotAndNearest) {
  EXPECT_EQ(describe(Problem{.message = "wrong"}), "wrong");
  EXPECT_EQ(describe(Problem{.file = "--set a.b", .message = "wrong", .got = "5"}),
            "--set a.b: wrong (got 5)");
  EXPECT_EQ(
      describe(Problem{
          .file = "f", .line = 1, .column = 2, .message = "m", .expected = "e", .got = "g", .nearest = "n"}),
      "f:1:2: m (expected e, got g); did you mean n?");
}

TEST(Error, BecomesAProblemWithItsPlace) {
  const Problem problem =
      to_problem(Error{Category::bad_input, "read the index",
                       Where{.file = "i.json", .offset = 5, .line = 2, .column = 1, .tensor = "w"},
                       Expected{"a map"}, Got{"a list"}, "fetch it again"});
  EXPECT_EQ(problem, (Problem{.file = "i.json",
                              .line = 2,
                              .column = 1,
                              .message = "read the index (tensor w) at byte 5; fetch it again",
                              .expected = "a map",
                              .got = "a list"}));
}

TEST(Error, CategoriesKeepTheirNamesAndExitCodes) {
  const std::vector<std::pair<Category, int>> codes{
      {Category::usage, 1},  {Category::bad_input, 1}, {Category::not_found, 1}, {Category::unknown_model, 1},
      {Category::io, 3},     {Category::no_space, 3},  {Category::device, 3},    {Category::communication, 3},
      {Category::memory, 3}, {Category::numeric, 3},   {Category::internal, 3},  {Category::unsupported, 1}};
  for (const auto& [category, code] : codes) {
    EXPECT_EQ(exit_code(category), code) << name(category);
    EXPECT_EQ(category_named(name(category)), category);
  }
  EXPECT_EQ(category_named("no such category"), Category::internal);
}

TEST(Error, CategoriesEndAnItemOrTheJob) {
  const struct {
    Category category;
    Scope scope;
  } cases[] = {
      {Category::usage, Scope::job},         {Category::bad_input, Scope::item},
      {Category::not_found, Scope::job},     {Category::unknown_model, Scope::job},
      {Category::unsupported, Scope::item},  {Category::io, Scope::job},
      {Category::no_space, Scope::job},      {Category::device, Scope::job},
      {Category::communication, Scope::job}, {Category::memory, Scope::item_on_rank},
      {Category::numeric, Scope::item},      {Category::internal, Scope::item_on_rank},
  };
  for (const auto& [category, scope] : cases) {
    EXPECT_EQ(scope_of(category), scope) << name(category);
    EXPECT_EQ(fails_the_item(category), scope != Scope::job) << name(category);
  }
}

TEST(Error, SystemErrorsAreSortedByWhatTheUserCanDo) {
  EXPECT_EQ(system_error(ENOENT, "open").category(), Category::not_found);
  EXPECT_EQ(system_error(ENOSPC, "write").category(), Category::no_space);
  EXPECT_EQ(system_error(EDQUOT, "write").category(), Category::no_space);
  EXPECT_EQ(system_error(EIO, "read").category(), Category::io);
  EXPECT_STREQ(system_error(EACCES, "open", Where{.file = "/x"}).what(), "open (/x): Permission denied");
}

TEST(Printable, KeepsTerminalsSafe) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"caf\u00e9", "caf\u00e9"}, {"a\tb\x1b[31m", "a\\x09b\\x1b[31m"},
      {"\x7f", "\\x7f"},          {"a\0b"s, "a\\x00b"},
      {"\xff\xfe", "\\xff\\xfe"}, {"\xc2\x9b", "\\xc2\\x9b"},
      {"\xe2\x82", "\\xe2\\x82"}, {"", ""},
  };
  for (const auto& [foreign, shown] : cases) EXPECT_EQ(printable(foreign), shown);
}

TEST(Printable, CutsLongTextsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 4), "abcd...");
  EXPECT_EQ(printable("abc\u00e9", 4), "abc...");
  EXPECT_EQ(printable("abcd", 4), "abcd");
}

}  // namespace
}  // namespace ditmill

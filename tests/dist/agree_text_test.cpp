#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "dist/comm/agree.h"

namespace ditmill::dist {
namespace {

void expect_equal(const Error& a, const Error& b) {
  EXPECT_EQ(a.category(), b.category());
  EXPECT_EQ(a.doing(), b.doing());
  EXPECT_EQ(a.expected(), b.expected());
  EXPECT_EQ(a.got(), b.got());
  EXPECT_EQ(a.hint(), b.hint());
  EXPECT_EQ(a.problems(), b.problems());
  EXPECT_EQ(a.where().file, b.where().file);
  EXPECT_EQ(a.where().offset, b.where().offset);
  EXPECT_EQ(a.where().line, b.where().line);
  EXPECT_EQ(a.where().column, b.where().column);
  EXPECT_EQ(a.where().key, b.where().key);
  EXPECT_EQ(a.where().tensor, b.where().tensor);
  EXPECT_EQ(a.where().item, b.where().item);
  EXPECT_EQ(a.where().rank, b.where().rank);
  EXPECT_STREQ(a.what(), b.what());
}

TEST(ErrorText, CarriesEveryField) {
  const Error errors[] = {
      {Category::communication, "verify weights",
       Where{.file = "a.safetensors",
             .offset = 0xffff'ffff'ffff'ffff,
             .line = 3,
             .column = 7,
             .key = "pipeline.steps",
             .tensor = "blocks.0",
             .item = "cat~1",
             .rank = 5},
       Expected{"this"}, Got{"that"}, "do something"},
      {Category::io, "read", Where{.offset = 0}},
      {Category::internal, ""},
      {Category::bad_input, "a\tb\xff\xfe\n", Where{.file = "caf\xe9"}, {}, Got{"\x80"}},
      Error(std::vector<Problem>{{.file = "m.yaml",
                                  .line = 1,
                                  .column = 2,
                                  .message = "unknown key",
                                  .expected = "steps",
                                  .got = "stepz",
                                  .nearest = "steps"},
                                 {.message = "\xff"}}),
  };
  for (const Error& error : errors) expect_equal(error_from_text(to_text(error)), error);
}

TEST(ErrorText, OfAnythingElseIsAnInternalError) {
  const std::string good = to_text(Error{Category::io, "read"});
  std::vector<std::string> bad{"", "text", "\xff\xff", good + "x"};
  for (std::size_t length = 0; length < good.size(); ++length) bad.push_back(good.substr(0, length));
  for (const std::string& text : bad) {
    EXPECT_EQ(error_from_text(text).category(), Category::internal) << text.size();
  }
}

TEST(FailureOf, TurnsEveryExceptionIntoAnError) {
  EXPECT_FALSE(failure_of([] {}).has_value());
  EXPECT_EQ(failure_of([] { throw Error{Category::io, "read"}; })->category(), Category::io);
  EXPECT_EQ(failure_of([] { throw std::bad_alloc(); })->category(), Category::memory);
  const auto other = failure_of([] { throw std::runtime_error("the words"); });
  EXPECT_EQ(other->category(), Category::internal);
  EXPECT_EQ(other->got(), "the words");
  EXPECT_EQ(failure_of([] { throw 3; })->category(), Category::internal);
}

}  // namespace
}  // namespace ditmill::dist

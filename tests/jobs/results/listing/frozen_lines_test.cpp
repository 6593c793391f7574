#include "jobs/results/listing/frozen_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/requests/items/frozen_item.h"
#include "jobs/requests/items/item_list.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FrozenLines, AreNoneWithoutAFile) {
  const tests::TempFolder folder;
  EXPECT_FALSE(FrozenLines::open(folder / "requests.jsonl", "read"));
  EXPECT_THROW(FrozenLines::open(folder.path(), "read"), Error);
}

TEST(FrozenLines, RefuseTheLineThatWasReadLast) {
  const tests::TempFolder folder;
  std::optional<FrozenLines> lines =
      FrozenLines::open(folder.write("requests.jsonl", "{}\n{"), "count items");
  ASSERT_TRUE(lines);
  ASSERT_TRUE(lines->next() && lines->terminated());
  ASSERT_TRUE(lines->next() && !lines->terminated());
  EXPECT_EQ(lines->text(), "{");
  try {
    lines->refuse("an object", std::string{lines->text()});
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("count items"), HasSubstr("requests.jsonl:2"),
                                    HasSubstr("an object"), HasSubstr("restore it")));
  }
  EXPECT_FALSE(lines->next());
}

struct FrozenLineTest : ::testing::Test {
  /// The lines of a file, at the first of them.
  FrozenLines at(const std::string& text) {
    std::optional<FrozenLines> lines = FrozenLines::open(folder.write("requests.jsonl", text), "read");
    lines->next();
    return *std::move(lines);
  }
  template <typename Read>
  std::string refusal(const std::string& text, Read read) {
    FrozenLines lines = at(text);
    try {
      read(lines);
    } catch (const Error& error) {
      return error.expected() + "; got " + error.got();
    }
    return "none";
  }

  static std::string frozen(const std::string& id) {
    requests::ItemList items{{.request = {.id = id, .prompt = "a cat"}}};
    items.set_keys(requests::ItemKeys{requests::job_identity({}, {})});
    std::string line;
    requests::append_frozen_item(line, items.packed()[0]);
    return line;
  }
  tests::TempFolder folder;
};

TEST_F(FrozenLineTest, SayTheSameByAnyReading) {
  FrozenLines lines = at(frozen("tabby"));
  const requests::Item item = lines.item();
  EXPECT_EQ(item.request.id, "tabby");
  EXPECT_EQ(item.key.size(), 64U);
  EXPECT_EQ(lines.key(), item.key);
  nlohmann::json whole;
  const FrozenHead head = lines.head(whole);
  EXPECT_EQ(head.id, "tabby");
  EXPECT_EQ(head.key, item.key);
  EXPECT_EQ(head.width, item.request.width);
  EXPECT_EQ(head.height, item.request.height);
  EXPECT_EQ(head.frames, item.request.frames);
  EXPECT_EQ(whole.at("request").at("prompt"), "a cat");
}

TEST_F(FrozenLineTest, HaveAKeyWhereverItStands) {
  EXPECT_EQ(at(R"({"id":"a","key":"77","request":)").key(), "77") << "no more is looked at";
  EXPECT_EQ(at(R"({"request":{"key":"no"}, "key" : "7\u0037"})").key(), "77");
  for (const char* text : {"{}", "a cat", R"({"key":7})", R"({"id":"a","key":""})"}) {
    const std::string why = refusal(text, [](FrozenLines& lines) { lines.key(); });
    if (std::string_view{text}.ends_with("\"\"}")) {
      EXPECT_EQ(why, "none") << text;
    } else {
      EXPECT_THAT(why, HasSubstr("an object with id and key")) << text;
    }
  }
}

TEST_F(FrozenLineTest, AreListedThoughTheyCouldNotBeRun) {
  nlohmann::json whole;
  const FrozenHead head = at(R"({"id":"a","key":"7","request":{"width":33,"frames":"x"}})").head(whole);
  EXPECT_EQ(head.width, 33);
  EXPECT_EQ(head.frames, 0);
  for (const char* text :
       {"a cat", "[]", R"({"id":"a","key":"7"})", R"({"id":"../a","key":"7","request":{}})",
        R"({"id":"a","key":"","request":{}})", R"({"id":"a","key":"7","request":1})"}) {
    const std::string why = refusal(text, [&whole](FrozenLines& lines) { lines.head(whole); });
    EXPECT_THAT(why, HasSubstr("an object with id, key and request")) << text;
  }
}

TEST_F(FrozenLineTest, AreRunOnlyIfTheyAreWholeAndOurs) {
  const auto item = [](FrozenLines& lines) { lines.item(); };
  std::string torn = frozen("a");
  torn.pop_back();
  EXPECT_THAT(refusal(torn, item), HasSubstr("a torn one"));
  EXPECT_THAT(refusal("{\"id\":}\n", item), HasSubstr("at column "));
  EXPECT_NE(refusal("{\"id\":\"a\"}\n", item), "none");
}

}  // namespace
}  // namespace ditmill::jobs::results

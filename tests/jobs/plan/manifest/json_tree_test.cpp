#include "jobs/plan/manifest/json_tree.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::jobs::plan {
namespace {

using configs::YamlNode;

TEST(JsonTree, KeepsKindsTextsAndPlaces) {
  const YamlNode root = json_tree(
      "{\"a\": [1, -2.50e3],\n \"caf\xc3\xa9\": {\"b\": true}, \"c\": null, \"d\": \"7\"}", "read", "f.json");
  ASSERT_EQ(root.kind, YamlNode::Kind::mapping);
  const YamlNode& list = *root.find("a");
  EXPECT_EQ(list.kind, YamlNode::Kind::sequence);
  EXPECT_EQ(list.items.at(1).text, "-2.50e3");
  EXPECT_FALSE(list.items.at(1).quoted);
  EXPECT_EQ(std::pair(list.items[1].line, list.items[1].column), std::pair(1, 11));
  const YamlNode& inner = *root.find("caf\xc3\xa9");
  EXPECT_EQ(std::pair(inner.line, inner.column), std::pair(2, 10));
  EXPECT_EQ(inner.find("b")->text, "true");
  EXPECT_EQ(root.find("c")->kind, YamlNode::Kind::null);
  EXPECT_TRUE(root.find("d")->quoted);
}

TEST(JsonTree, DecodesEscapesThatYamlDoesNotHave) {
  EXPECT_EQ(json_tree(R"(["\ud83d\ude00\/"])", "read", "f").items.at(0).text, "\xf0\x9f\x98\x80/");
}

TEST(JsonTree, RefusesWhatIsNoJsonNamingTheFile) {
  for (const char* text : {"", "{", "{'a': 1}", "{\"a\": 1,}", "[01]", "{\"a\": 1, \"a\": 2}",
                           "[\"\\u0000\"]", "{} {}", "[\"\xff\"]", "[\"\\ud83d\"]", "key: value"}) {
    try {
      json_tree(text, "read", "f.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input) << text;
      EXPECT_EQ(error.where().file, "f.json");
    }
  }
  EXPECT_THROW(json_tree(std::string(100, '[') + std::string(100, ']'), "read", "f"), Error);
}

}  // namespace
}  // namespace ditmill::jobs::plan

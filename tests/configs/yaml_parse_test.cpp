#include <gmock/gmock.h>

#include "configs/yaml_reader.h"
#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

YamlNode parse_good(std::string_view text) {
  std::vector<Problem> problems;
  YamlNode node = parse_yaml(text, "m.yaml", problems);
  EXPECT_THAT(lines(problems), IsEmpty()) << text;
  return node;
}

std::string place(const YamlNode& node) {
  return std::to_string(node.line) + ":" + std::to_string(node.column);
}

TEST(ParseYaml, KeepsOrderKindsAndTexts) {
  const YamlNode root =
      parse_good("b: 1\na: [x, {y: z}]\nq: '1'\nblock: |\n  one\n  two\nfold: >-\n  one\n  two\n");
  ASSERT_EQ(root.kind, YamlNode::Kind::mapping);
  ASSERT_EQ(root.entries.size(), 5U);
  EXPECT_EQ(root.entries[0].first.text, "b");
  EXPECT_EQ(root.find("b")->text, "1");
  EXPECT_FALSE(root.find("b")->quoted);
  EXPECT_EQ(root.find("a")->items.at(1).find("y")->text, "z");
  EXPECT_TRUE(root.find("q")->quoted);
  EXPECT_EQ(root.find("block")->text, "one\ntwo\n");
  EXPECT_TRUE(root.find("block")->quoted);
  EXPECT_EQ(root.find("fold")->text, "one two");
  EXPECT_EQ(root.find("missing"), nullptr);
}

TEST(ParseYaml, KnowsNullFromText) {
  const YamlNode root = parse_good("a: ~\nb: null\nc:\nd: ''\ne: 'null'\nf: nulls\n");
  EXPECT_EQ(root.find("a")->kind, YamlNode::Kind::null);
  EXPECT_EQ(root.find("b")->kind, YamlNode::Kind::null);
  EXPECT_EQ(root.find("c")->kind, YamlNode::Kind::null);
  EXPECT_EQ(root.find("d")->kind, YamlNode::Kind::scalar);
  EXPECT_EQ(root.find("e")->text, "null");
  EXPECT_EQ(root.find("f")->text, "nulls");
}

TEST(ParseYaml, TakesATextWithoutADocumentAsNothing) {
  for (const std::string_view text : {"", "\n\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(parse_good(text).kind, YamlNode::Kind::null) << text;
  }
}

TEST(ParseYaml, CountsColumnsInCharacters) {
  const YamlNode root =
      parse_good("\u00e9\U0001f600: \u00e9\nlist: [\u00e9, b,\n  c]\n\"q\u00e9\": {x: 1}\n");
  EXPECT_EQ(place(root), "1:1");
  EXPECT_EQ(place(root.entries[0].second), "1:5");
  const YamlNode& list = *root.find("list");
  EXPECT_EQ(place(list), "2:7");
  EXPECT_EQ(place(list.items.at(0)), "2:8");
  EXPECT_EQ(place(list.items.at(1)), "2:11");
  EXPECT_EQ(place(list.items.at(2)), "3:3");
  EXPECT_EQ(place(root.entries[2].first), "4:1");
  EXPECT_EQ(place(*root.entries[2].second.find("x")), "4:11");
}

TEST(ParseYaml, CountsTheSameWithByteOrderMarkAndCrLf) {
  const YamlNode root = parse_good("\xef\xbb\xbf\u00e9: 1\r\nb:\r\n  - \u00e9\r\n  - {c: 2}\r\n");
  EXPECT_EQ(place(*root.find("\u00e9")), "1:4");
  EXPECT_EQ(place(root.find("b")->items.at(1)), "4:5");
  EXPECT_EQ(root.find("b")->items.at(0).text, "\u00e9");
}

TEST(ParseYaml, PlacesAValueThatWasLeftOutAtItsKey) {
  const YamlNode root = parse_good("a:\n\n# comment\nb:\n  - x\n  -\n\n  - y\nc: {d: , e: 1}\nf:");
  EXPECT_EQ(place(*root.find("a")), "1:1");
  EXPECT_EQ(place(root.find("b")->items.at(1)), "6:3");
  EXPECT_EQ(place(*root.find("c")->find("d")), "9:5");
  EXPECT_EQ(place(*root.find("f")), "10:1");
}

TEST(ParseYaml, RefusesWhatAManifestMayNotUse) {
  struct Case {
    std::string text;
    std::vector<std::string> problems;
  };
  const std::string out = " (expected the value written out; or a text that begins with ";
  const std::vector<Case> cases{
      {"a: 1\nb: &x 2\n",
       {"m.yaml:2:4: anchors are not supported: &x" + out + "& put into quotes: b: \"&x 2\")"}},
      {"a: &x {c: 1}\nb: *x\n",
       {"m.yaml:1:4: anchors are not supported: &x" + out + "& put into quotes: a: \"&x {c: 1}\")",
        "m.yaml:2:4: aliases are not supported" + out + "* put into quotes: b: \"*x\")"}},
      {"a: *nowhere\n",
       {"m.yaml:1:4: aliases are not supported" + out + "* put into quotes: a: \"*nowhere\")"}},
      {"a: !!str 5\n",
       {"m.yaml:1:4: tags are not supported: tag:yaml.org,2002:str (expected a text that begins with ! put "
        "into quotes: a: \"!!str 5\")"}},
      {"a: ! 5\n",
       {"m.yaml:1:4: tags are not supported: ! (expected a text that begins with ! put into quotes: a: \"! "
        "5\")"}},
      {"a: ! '5'\n",
       {"m.yaml:1:4: tags are not supported: ! (expected a text that begins with ! put into quotes: a: \"! "
        "'5'\")"}},
      {"a: !mine {b: 1}\n",
       {"m.yaml:1:4: tags are not supported: !mine (expected a text that begins with ! put into quotes: a: "
        "\"!mine {b: 1}\")"}},
      {"a: !mine [1]\n",
       {"m.yaml:1:4: tags are not supported: !mine (expected a text that begins with ! put into quotes: a: "
        "\"!mine [1]\")"}},
      {"a: !<x:y> b\n",
       {"m.yaml:1:4: tags are not supported: x:y (expected a text that begins with ! put into quotes: a: "
        "\"!<x:y> b\")"}},
      {"a: 1\n---\nb: 2\n", {"m.yaml:2:1: a second YAML document begins here (expected one document)"}},
      {"a: 1\n---\nb: [\n", {"m.yaml:2:1: a second YAML document begins here (expected one document)"}},
      {"<<: {a: 1}\n", {"m.yaml:1:1: merge keys are not supported (expected the keys written out)"}},
      {"a: 1\nb:\n  c: 1\n  c: 2\n", {"m.yaml:4:3: the key c appears twice in one mapping"}},
      {"{a: 1, 'a': 2}", {"m.yaml:1:8: the key a appears twice in one mapping"}},
      {"[a]: 1\n", {"m.yaml:1:1: a key must be text (expected text, got a list)"}},
      {"? {a: b}\n: 1\n", {"m.yaml:1:3: a key must be text (expected text, got a mapping)"}},
      {"~: 1\n", {"m.yaml:1:1: a key must be text (expected text, got nothing)"}},
      {"a: \"x\\0y\"\n", {"m.yaml:1:4: a NUL character in text"}},
      {"a: [1, 2\nb: 3\n", {"m.yaml:2:2: not YAML: end of sequence flow not found"}},
      {"a: b: c\n",
       {"m.yaml:1:5: not YAML: illegal map value (expected a text with a colon put into quotes: a: \"b: "
        "c\")"}},
      {"a: \"\\ud800\"\n", {"m.yaml:1:11: not YAML: invalid unicode: 55296"}},
      {"a: 1\n\tb: 2\n",
       {"m.yaml:2:1: not YAML: illegal tab when looking for indentation (expected spaces, and no tabs, "
        "before the text)"}},
      {"a: caf\xe9\n",
       {"m.yaml:1:7: not UTF-8 text (expected UTF-8; of Windows' CP1252: iconv -f CP1252 -t UTF-8 m.yaml > "
        "m-utf8.yaml, got byte \\xe9)"}},
      {"\u00e9: 1\n\u00e9: \xff",
       {"m.yaml:2:4: not UTF-8 text (expected UTF-8; of Windows' CP1252: iconv -f CP1252 -t UTF-8 m.yaml > "
        "m-utf8.yaml, got byte \\xff)"}},
      {"a: \x1b[0m\n", {"m.yaml:1:4: a control character (expected text, got \\x1b)"}},
      {"a: 1\n\x04", {"m.yaml:2:1: a control character (expected text, got \\x04)"}},
      {std::string("a\0:\0", 4),
       {"m.yaml:1: not UTF-8 but UTF-16 text (expected UTF-8: iconv -f UTF-16LE -t UTF-8 m.yaml > "
        "m-utf8.yaml)"}},
      {"\xff\xfe"
       "a",
       {"m.yaml:1: not UTF-8 but UTF-16 text (expected UTF-8: iconv -f UTF-16 -t UTF-8 m.yaml > "
        "m-utf8.yaml)"}},
  };
  for (const Case& each : cases) {
    std::vector<Problem> problems;
    parse_yaml(each.text, "m.yaml", problems);
    EXPECT_EQ(lines(problems), each.problems) << each.text;
  }
}

TEST(ParseYaml, QuotesMakeAnOrdinaryKeyOfTheMergeKey) {
  EXPECT_EQ(parse_good("'<<': 1\n").find("<<")->text, "1");
}

TEST(ParseYaml, KeepsTheFirstOfTwoEqualKeys) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml("a: 1\na: 2\nb: 3\n", "m.yaml", problems);
  EXPECT_EQ(root.find("a")->text, "1");
  EXPECT_EQ(root.find("b")->text, "3");
}

TEST(ParseYaml, KeepsWhatItReadBeforeAnError) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml("a: 1\nb: {c: 2, d: [3", "m.yaml", problems);
  EXPECT_EQ(problems.size(), 1U);
  ASSERT_NE(root.find("b"), nullptr);
  EXPECT_EQ(root.find("b")->find("c")->text, "2");
}

TEST(ParseYaml, BoundsDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  parse_good(nested(max_yaml_depth));
  std::vector<Problem> problems;
  parse_yaml(nested(max_yaml_depth + 1), "m.yaml", problems);
  EXPECT_THAT(lines(problems), ElementsAre("m.yaml:1:65: nested too deeply (expected at most 64 levels)"));
  problems.clear();
  parse_yaml(std::string(1 << 20, '['), "m.yaml", problems);
  EXPECT_EQ(problems.size(), 1U);
}

TEST(ParseYaml, ReadsOneLongLineInTimeThatGrowsWithItsLength) {
  std::string text = "{items: [";
  for (int i = 0; i < 20000; ++i)
    text += "{id: a" + std::to_string(i) + ", prompt: \"\u00e9\", seed: , t: [, x]}, ";
  text += "]}";
  const YamlNode root = parse_good(text);
  ASSERT_EQ(root.find("items")->items.size(), 20000U);
  // A walk from the start of the line for every value would take minutes.
  EXPECT_EQ(root.find("items")->items[0].find("seed")->column, 32);
}

}  // namespace
}  // namespace ditmill::configs

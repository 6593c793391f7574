#include "configs/overrides.h"

#include <gmock/gmock.h>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A node as one line of flow YAML, to compare trees by.
std::string flow(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "~";
    case YamlNode::Kind::scalar:
      return node.quoted ? "'" + node.text + "'" : node.text;
    case YamlNode::Kind::sequence:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + flow(item);
      return "[" + text + "]";
    case YamlNode::Kind::mapping:
      for (const auto& [key, value] : node.entries)
        text += (text.empty() ? "" : ", ") + key.text + ": " + flow(value);
      return "{" + text + "}";
  }
  return text;
}

TEST(Overrides, ChangeTheTreeBeforeItIsRead) {
  struct Case {
    std::string text;
    std::vector<std::string> options;
    std::string tree;
  };
  const std::vector<Case> cases{
      {"a: {b: 1, c: 2}", {"a.b=3"}, "{a: {b: 3, c: 2}}"},
      {"a: {b: 1}", {"a.b=3", "a.b=4"}, "{a: {b: 4}}"},
      {"a: 1", {"x.y.z=2"}, "{a: 1, x: {y: {z: 2}}}"},
      {"a:", {"a.b=1"}, "{a: {b: 1}}"},
      {"", {"a.b=1"}, "{a: {b: 1}}"},
      {"a: 1", {"a={b: [1, 2]}"}, "{a: {b: [1, 2]}}"},
      {"a: {b: {c: 1}}", {"a.b=5"}, "{a: {b: 5}}"},
      {"a: {b: 1}", {"a="}, "{a: ~}"},
      {"a: 1", {"a='5'"}, "{a: '5'}"},
      {"a: 1", {"a=x=y"}, "{a: x=y}"},
      {"a: [{p: x}, {p: y}]", {"a.1.p=z"}, "{a: [{p: x}, {p: z}]}"},
      {"a: [1, 2]", {"a.0=[3]", "a.0.0=4"}, "{a: [[4], 2]}"},
      {"a: {0: x}", {"a.0=y"}, "{a: {0: y}}"},
      {"a: 1", {"b.c=1", "b.d=2"}, "{a: 1, b: {c: 1, d: 2}}"},
  };
  for (const Case& each : cases) {
    std::vector<Problem> problems;
    YamlNode root = parse_yaml(each.text, "m.yaml", problems);
    apply_overrides(root, each.options, problems);
    EXPECT_EQ(flow(root), each.tree);
    EXPECT_THAT(lines(problems), IsEmpty()) << each.tree;
  }
}

TEST(Overrides, RefuseWhatTheyCannotApplyAndLeaveTheTreeAlone) {
  struct Case {
    std::string option;
    std::string problem;
  };
  const std::vector<Case> cases{
      {"a.b", "--set a.b: no value (expected --set a.b.c=VALUE)"},
      {"=1", "--set : not a path of keys (expected --set a.b.c=VALUE)"},
      {"a..b=1", "--set a..b: not a path of keys (expected --set a.b.c=VALUE, got a..b)"},
      {".a=1", "--set .a: not a path of keys (expected --set a.b.c=VALUE, got .a)"},
      {"a.=1", "--set a.: not a path of keys (expected --set a.b.c=VALUE, got a.)"},
      {"a b=1", "--set a b: not a path of keys (expected --set a.b.c=VALUE, got a b)"},
      {"s.x=1", "--set s.x: s holds no keys (expected a mapping, got 5)"},
      {"m.s.x.y=1", "--set m.s.x.y: m.s holds no keys (expected a mapping, got \"t\")"},
      {"l.2=1", "--set l.2: l is a list without an element 2 (expected a number from 0 to 1)"},
      {"l.x=1", "--set l.x: l is a list without an element x (expected a number from 0 to 1)"},
      {"l.-1=1", "--set l.-1: l is a list without an element -1 (expected a number from 0 to 1)"},
      {"l.99999999999999999999=1",
       "--set l.99999999999999999999: l is a list without an element 99999999999999999999 (expected a number "
       "from 0 "
       "to 1)"},
      {"e.0=1", "--set e.0: e is a list without an element 0 (expected a list with elements)"},
      {"s=[1", "--set s: not YAML: end of sequence flow not found"},
      {"s=&x 1", "--set s: anchors are not supported: &x (expected the value written out)"},
      {"s={a: 1, a: 2}", "--set s: the key a appears twice in one mapping"},
      {"s=\xff", "--set s: not UTF-8 text (expected UTF-8, got byte \\xff)"},
  };
  for (const Case& each : cases) {
    std::vector<Problem> problems;
    YamlNode root = parse_yaml("{s: 5, m: {s: 't'}, l: [1, 2], e: []}", "m.yaml", problems);
    const std::string before = flow(root);
    apply_override(root, each.option, problems);
    EXPECT_THAT(lines(problems), ElementsAre(each.problem));
    EXPECT_EQ(flow(root), before) << each.option;
  }
}

TEST(Overrides, AreNamedInWhatReadersFindWrongLater) {
  struct Case {
    std::string option;
    std::string problem;
  };
  const std::vector<Case> cases{
      {"a.steps=0", "--set a.steps: a.steps is out of range (expected a whole number from 1 to 1000, got 0)"},
      {"a.steps=",
       "--set a.steps: a.steps has the wrong type (expected a whole number from 1 to 1000, got nothing)"},
      {"a.stesp=5", "--set a.stesp: unknown key a.stesp; did you mean steps?"},
      {"a={stesp: 5}", "--set a: unknown key a.stesp; did you mean steps?"},
      {"b.c.d=5", "--set b.c.d: unknown key b"},
      {"a=5", "--set a: a has the wrong type (expected a mapping, got 5)"},
  };
  for (const Case& each : cases) {
    std::vector<Problem> problems;
    YamlNode root = parse_yaml("a: {steps: 5}", "m.yaml", problems);
    apply_override(root, each.option, problems);
    MapReader reader(root, "", "m.yaml", problems);
    MapReader a = reader.map("a");
    int steps = 0;
    a.read("steps", steps, {1, 1000});
    a.finish();
    reader.finish();
    EXPECT_THAT(lines(problems), ElementsAre(each.problem));
    for (const Problem& problem : problems) EXPECT_EQ(problem.line + problem.column, 0);
  }
}

TEST(Overrides, LeaveTheFilesPlacesToWhatTheyDoNotTouch) {
  std::vector<Problem> problems;
  YamlNode root = parse_yaml("a:\n  steps: 0\n", "m.yaml", problems);
  apply_override(root, "a.other=1", problems);
  MapReader reader(root, "", "m.yaml", problems);
  int steps = 0;
  reader.map("a").read("steps", steps, {1, 1000});
  EXPECT_EQ(problems.at(0).line, 2);
  EXPECT_EQ(problems.at(0).file, "m.yaml");
}

}  // namespace
}  // namespace ditmill::configs

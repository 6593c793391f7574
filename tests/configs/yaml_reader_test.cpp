#include "configs/yaml_reader.h"

#include <gmock/gmock.h>

#include <array>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

enum class Colour { red, green };
constexpr std::array<Choice<Colour>, 2> colours{{{"red", Colour::red}, {"green", Colour::green}}};

/// Reads `v` of a text as type T; an empty optional if it was not set.
template <typename T, typename... Limits>
std::optional<T> read_value(std::string_view text, std::vector<std::string>& problems, Limits... limits) {
  std::optional<T> value;
  problems = problems_of(text, [&](MapReader& reader) {
    T out{};
    if (reader.read("v", out, limits...)) value = out;
    reader.finish();
  });
  return value;
}

TEST(MapReader, ReadsWholeNumbers) {
  struct Case {
    std::string text;
    std::optional<std::int64_t> value;
  };
  const std::vector<Case> cases{
      {"v: 0", 0},
      {"v: 42", 42},
      {"v: -7", -7},
      {"v: +7", 7},
      {"v: 010", 10},
      {"v: 9223372036854775807", 9223372036854775807},
      {"v: -9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"v: 9223372036854775808", {}},
      {"v: 1_000", {}},
      {"v: 1,000", {}},
      {"v: 1.0", {}},
      {"v: 1e3", {}},
      {"v: 0x10", {}},
      {"v: 0o10", {}},
      {"v: '5'", {}},
      {"v: |\n  5\n", {}},
      {"v: five", {}},
      {"v: 5 6", {}},
      {"v: +-5", {}},
      {"v: -", {}},
      {"v: true", {}},
      {"v: ~", {}},
      {"v:", {}},
      {"v: [5]", {}},
      {"v: {a: 5}", {}},
  };
  const Bounds<std::int64_t> all{std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max()};
  for (const Case& each : cases) {
    std::vector<std::string> problems;
    EXPECT_EQ(read_value<std::int64_t>(each.text, problems, all), each.value) << each.text;
    EXPECT_EQ(problems.size(), each.value ? 0U : 1U) << each.text;
  }
}

TEST(MapReader, ReadsNumbers) {
  struct Case {
    std::string text;
    std::optional<double> value;
  };
  const std::vector<Case> cases{
      {"v: 1", 1.0},      {"v: 1.5", 1.5},   {"v: .5", 0.5},    {"v: 5.", 5.0},    {"v: -2.5e-3", -0.0025},
      {"v: +1E2", 100.0}, {"v: 0", 0.0},     {"v: .inf", {}},   {"v: .nan", {}},   {"v: inf", {}},
      {"v: nan", {}},     {"v: 1e999", {}},  {"v: 1e-999", {}}, {"v: 0x1p3", {}},  {"v: 1e", {}},
      {"v: .", {}},       {"v: 1.5.5", {}},  {"v: '1.5'", {}},  {"v: 1_0.5", {}},  {"v: [1.5]", {}},
      {"v: e5", {}},      {"v: 1000.5", {}}, {"v: -1000", {}},  {"v: 1000", 1000},
  };
  for (const Case& each : cases) {
    std::vector<std::string> problems;
    EXPECT_EQ(read_value<double>(each.text, problems, Bounds<double>{-999, 1000}), each.value) << each.text;
    EXPECT_EQ(problems.size(), each.value ? 0U : 1U) << each.text;
  }
}

TEST(MapReader, ReadsBooleansTextsAndWords) {
  std::vector<std::string> problems;
  EXPECT_EQ(read_value<bool>("v: true", problems), true);
  EXPECT_EQ(read_value<bool>("v: false", problems), false);
  for (const std::string_view text : {"v: yes", "v: True", "v: 1", "v: 'true'", "v: ~", "v: [true]"}) {
    EXPECT_EQ(read_value<bool>(text, problems), std::nullopt) << text;
    EXPECT_EQ(problems.size(), 1U) << text;
  }
  const std::vector<std::pair<std::string_view, std::string>> texts{
      {"v: cat", "cat"},     {"v: 42", "42"}, {"v: true", "true"},
      {"v: 'a: b'", "a: b"}, {"v: ''", ""},   {"v: 1e5", "1e5"}};
  for (const auto& [text, value] : texts) {
    EXPECT_EQ(read_value<std::string>(text, problems), value) << text;
    EXPECT_THAT(problems, IsEmpty()) << text;
  }
  for (const std::string_view text : {"v: ~", "v:", "v: [a]", "v: {a: b}"}) {
    EXPECT_EQ(read_value<std::string>(text, problems), std::nullopt) << text;
    EXPECT_EQ(problems.size(), 1U) << text;
  }
  EXPECT_EQ(read_value<Colour>("v: green", problems, colours), Colour::green);
  EXPECT_EQ((read_value<std::vector<std::string>>("v: [a, 1]", problems)),
            (std::vector<std::string>{"a", "1"}));
}

TEST(MapReader, NamesPathExpectedAndGotAtTheValue) {
  struct Case {
    std::string text;
    std::string problem;
  };
  const std::vector<Case> cases{
      {"a:\n  steps: fifty\n",
       "m.yaml:2:10: a.steps has the wrong type (expected a whole number from 1 to 1000, got fifty)"},
      {"a: {steps: '50'}",
       "m.yaml:1:12: a.steps has the wrong type (expected a whole number from 1 to 1000, got \"50\", which "
       "is text "
       "because it is quoted)"},
      {"a:\n  steps:\n  flag: true\n",
       "m.yaml:2:3: a.steps has the wrong type (expected a whole number from 1 to 1000, got nothing)"},
      {"a: {steps: 0}",
       "m.yaml:1:12: a.steps is out of range (expected a whole number from 1 to 1000, got 0)"},
      {"a: {steps: 99999999999999999999}",
       "m.yaml:1:12: a.steps is out of range (expected a whole number from 1 to 1000, got "
       "99999999999999999999)"},
      {"a: {shift: 0}",
       "m.yaml:1:12: a.shift is out of range (expected a number above 0, at most 100, got 0)"},
      {"a: {shift: .inf}",
       "m.yaml:1:12: a.shift has the wrong type (expected a number above 0, at most 100, got .inf)"},
      {"a: {flag: yes}", "m.yaml:1:11: a.flag has the wrong type (expected true or false, got yes)"},
      {"a: {text: [x]}", "m.yaml:1:11: a.text has the wrong type (expected text, got a list)"},
      {"a: {text: \"}",
       "m.yaml:1:13: not YAML: illegal EOF in scalar (expected a text that begins with { put into quotes: a: "
       "\"{text: \\\"}\")"},
      {"a: {colour: gren}",
       "m.yaml:1:13: a.colour has an unknown value (expected red or green, got gren); did you mean green?"},
      {"a: {colour: blue}", "m.yaml:1:13: a.colour has an unknown value (expected red or green, got blue)"},
      {"a: {texts: x}", "m.yaml:1:12: a.texts has the wrong type (expected a list of texts, got x)"},
      {"a: {texts: [x, [y]]}", "m.yaml:1:16: a.texts.1 has the wrong type (expected text, got a list)"},
      {"a: {list: {x: 1}}", "m.yaml:1:11: a.list has the wrong type (expected a list, got a mapping)"},
      {"a: 5", "m.yaml:1:4: a has the wrong type (expected a mapping, got 5)"},
      {"a: []", "m.yaml:1:4: a has the wrong type (expected a mapping, got a list)"},
      {"[]", "m.yaml:1:1: the document has the wrong type (expected a mapping, got a list)"},
      {"a:\n  stesp: 5\n", "m.yaml:2:3: unknown key a.stesp; did you mean steps?"},
      {"a: {}\nzzz: 1\n", "m.yaml:2:1: unknown key zzz"},
      {"a: {\"st\\eps\": 1}", "m.yaml:1:5: unknown key a.st\\x1bps; did you mean steps?"},
  };
  for (const Case& each : cases) {
    const std::vector<std::string> problems = problems_of(each.text, [](MapReader& root) {
      MapReader a = root.map("a");
      int steps = 0;
      double shift = 0;
      bool flag = false;
      std::string text;
      std::vector<std::string> texts;
      Colour colour{};
      a.read("steps", steps, {1, 1000});
      a.read("shift", shift, {above_zero, 100});
      a.read("flag", flag);
      a.read("text", text);
      a.read("texts", texts);
      a.read("colour", colour, colours);
      a.list("list");
      a.finish();
      root.finish();
    });
    EXPECT_THAT(problems, ElementsAre(each.problem)) << each.text;
  }
}

TEST(MapReader, LeavesTheDefaultWhereNothingOrNonsenseIsWritten) {
  for (const std::string_view text : {"{}", "", "v: x", "v: 1001"}) {
    std::vector<Problem> problems;
    const YamlNode root = parse_yaml(text, "m.yaml", problems);
    MapReader reader(root, "", "m.yaml", problems);
    int value = 7;
    EXPECT_FALSE(reader.read("v", value, {1, 1000}));
    EXPECT_EQ(value, 7) << text;
  }
}

TEST(MapReader, SaysOfAnAliasOnlyThatItIsOne) {
  EXPECT_THAT(problems_of("w: &x 1\nv: *x\n",
                          [](MapReader& reader) {
                            int value = 0;
                            EXPECT_TRUE(reader.has("w"));
                            EXPECT_TRUE(reader.has("v"));
                            EXPECT_FALSE(reader.read("v", value, {1, 2}));
                            reader.map("v").finish();
                            reader.finish();
                          }),
              ElementsAre("m.yaml:1:4: anchors are not supported: &x (expected the value written out; or a "
                          "text that begins with & put into quotes: w: \"&x 1\")",
                          "m.yaml:2:4: aliases are not supported (expected the value written out; or a text "
                          "that begins with * put into quotes: v: \"*x\")"));
}

TEST(MapReader, PlacesWhatIsMissingAtTheNearestMappingWrittenDown) {
  EXPECT_THAT(
      problems_of("x: 1\na:\n  b: 1\nempty:\n",
                  [](MapReader& root) {
                    root.map("a").problem("c", "c is missing");
                    root.map("none").map("deeper").problem("c", "none is missing");
                    root.map("empty").problem("c", "empty has none");
                    root.map("a").problem("b", "b is wrong");
                    root.map("a").problem_at_key("b", "b is too much");
                  }),
      ElementsAre("m.yaml:3:3: c is missing", "m.yaml:1:1: none is missing", "m.yaml:4:1: empty has none",
                  "m.yaml:3:6: b is wrong", "m.yaml:3:3: b is too much"));
}

TEST(MapReader, KeysOfTheUsersOwnAreKnownOnceListed) {
  EXPECT_THAT(problems_of("b: 1\na: 2\n",
                          [](MapReader& reader) {
                            EXPECT_THAT(reader.keys(), ElementsAre("b", "a"));
                            reader.finish();
                          }),
              IsEmpty());
}

}  // namespace
}  // namespace ditmill::configs

#include "configs/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ditmill::configs {
namespace {

TEST(EditDistance, CountsEditsAndSwapsOfNeighbours) {
  struct Case {
    std::string a;
    std::string b;
    std::size_t distance;
  };
  const std::vector<Case> cases{
      {"", "", 0},           {"", "abc", 3},         {"steps", "steps", 0},    {"step", "steps", 1},
      {"stesp", "steps", 1}, {"tseps", "steps", 1},  {"setps", "steps", 1},    {"ab", "ba", 1},
      {"stops", "steps", 1}, {"tsesp", "steps", 2},  {"kitten", "sitting", 3}, {"ca", "abc", 3},
      {"abcd", "badc", 2},   {"width", "height", 4}, {"unipc", "euler", 5},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(edit_distance(each.a, each.b), each.distance) << each.a << " " << each.b;
    EXPECT_EQ(edit_distance(each.b, each.a), each.distance) << each.b << " " << each.a;
  }
}

TEST(Nearest, OffersOnlyWhatCouldBeMeant) {
  const std::vector<std::string> keys{"dp", "pp", "tp", "cfg", "steps", "solver", "guidance_scale"};
  struct Case {
    std::string word;
    std::string nearest;
  };
  const std::vector<Case> cases{
      {"stesp", "steps"},
      {"guidence_scal", "guidance_scale"},
      {"guidence_scl", ""},  // three edits away
      {"x", ""},             // nothing of it would be left
      {"", ""},
      {"xy", ""},
      {"dq", "dp"},
      {"zp", "dp"},  // as near to pp and tp: the first wins
      {"steps", "steps"},
      {"flow_shift", ""},
  };
  for (const Case& each : cases) EXPECT_EQ(nearest(each.word, keys), each.nearest) << each.word;
}

TEST(Nearest, PrefersTheSmallerDistance) {
  EXPECT_EQ(nearest("width", std::vector<std::string>{"widths2", "widths"}), "widths");
  EXPECT_EQ(nearest("width", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace ditmill::configs

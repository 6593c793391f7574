#include "configs/list_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace ditmill {
namespace {

TEST(ListText, GrowsPieceByPiece) {
  std::string list;
  extend_list(list, "a");
  extend_list(list, "b");
  extend_list(list, "c", "; ");
  EXPECT_EQ(list, "a, b; c");
}

TEST(ListText, NamesTheFirstAndCountsTheRest) {
  const std::vector<std::string> all{"a", "b", "c"};
  EXPECT_EQ(some_of(std::vector<std::string>{}, 2), "");
  EXPECT_EQ(some_of(all, 3), "a, b, c");
  EXPECT_EQ(some_of(all, 2), "a, b and 1 more");
  EXPECT_EQ(some_of(all, 1, [](const std::string& each) { return "'" + each + "'"; }), "'a' and 2 more");
}

}  // namespace
}  // namespace ditmill

#include "configs/choice.h"

#include <gtest/gtest.h>

#include <array>

namespace ditmill::configs {
namespace {

enum class Fruit { apple, pear, plum };
constexpr std::array<Choice<Fruit>, 2> fruits{{{"apple", Fruit::apple}, {"pear", Fruit::pear}}};

TEST(Choice, GoesBothWays) {
  static_assert(word_of(fruits, Fruit::pear) == "pear");
  static_assert(value_of<Fruit>(fruits, "pear") == Fruit::pear);
  EXPECT_EQ(word_of(fruits, Fruit::plum), "");
  EXPECT_EQ(value_of<Fruit>(fruits, "plum"), std::nullopt);
}

}  // namespace
}  // namespace ditmill::configs

#include "configs/hex.h"

#include <gtest/gtest.h>

namespace ditmill {
namespace {

TEST(Hex, IsLowerCaseAndOfAFixedLength) {
  std::string text = "0x";
  append_hex(text, 0x1a2b, 6);
  EXPECT_EQ(text, "0x001a2b");
  EXPECT_TRUE(is_hex("001a2b", 6));
  EXPECT_FALSE(is_hex("001a2b", 8));
  EXPECT_FALSE(is_hex("001A2B", 6));
  EXPECT_FALSE(is_hex("001a2g", 6));
}

}  // namespace
}  // namespace ditmill

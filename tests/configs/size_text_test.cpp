#include "configs/size_text.h"

#include <gtest/gtest.h>

namespace ditmill {
namespace {

TEST(SizeText, SaysBytesInDecimalUnits) {
  EXPECT_EQ(gigabytes(0), "0.000 GB");
  EXPECT_EQ(gigabytes(12'345'678'901), "12.346 GB");
  EXPECT_EQ(gigabytes(12'345'678'901, 1), "12.3 GB");
  EXPECT_EQ(megabytes(1'234'567), "1.2 MB");
  EXPECT_EQ(size_text(12), "12 B");
  EXPECT_EQ(size_text(999'900), "1 MB");
  EXPECT_EQ(size_text(4.12e9), "4.12 GB");
}

}  // namespace
}  // namespace ditmill

#include "jobs/plan/pilot/text.h"

#include <gtest/gtest.h>

namespace ditmill::jobs::plan {
namespace {

TEST(PilotText, SaysSpansAndSizesShortly) {
  EXPECT_EQ(wall_text(12.34), "12.3 s");
  EXPECT_EQ(wall_text(245), "4m05s");
  EXPECT_EQ(wall_text(11'229), "3h07m");
  EXPECT_EQ(wall_text(183'845), "2d03h");
  EXPECT_EQ(size_text(12), "12 B");
  EXPECT_EQ(size_text(999'900), "1 MB");
  EXPECT_EQ(size_text(4.12e9), "4.12 GB");
}

}  // namespace
}  // namespace ditmill::jobs::plan

#include "jobs/plan/pilot/text.h"

#include <gtest/gtest.h>

namespace ditmill::jobs::plan {
namespace {

TEST(PilotText, SaysSpansShortly) {
  EXPECT_EQ(wall_text(12.34), "12.3 s");
  EXPECT_EQ(wall_text(245), "4m05s");
  EXPECT_EQ(wall_text(11'229), "3h07m");
  EXPECT_EQ(wall_text(183'845), "2d03h");
}

}  // namespace
}  // namespace ditmill::jobs::plan

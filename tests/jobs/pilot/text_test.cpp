#include "jobs/pilot/text.h"

#include <gtest/gtest.h>

namespace ditmill::jobs {
namespace {

TEST(PilotText, ReadsTimeLimitsAsSlurmDoes) {
  const std::pair<const char*, double> limits[] = {{"90", 5400},         {"1:30", 90},
                                                   {"24:00:00", 86'400}, {"2-3", 183'600},
                                                   {"2-03:04", 183'840}, {"2-03:04:05", 183'845}};
  for (const auto& [text, seconds] : limits) EXPECT_EQ(slurm_seconds(text), seconds) << text;
  for (const char* text : {"", "unlimited", "1:", "-1", "1:2:3:4", "1-2-3", "1-", "2h", "1-2:3:4:5"}) {
    EXPECT_EQ(slurm_seconds(text), std::nullopt) << text;
  }
}

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
}  // namespace ditmill::jobs

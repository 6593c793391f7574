#include "slurm/time_limit.h"

#include <gtest/gtest.h>

namespace ditmill::slurm {
namespace {

TEST(TimeLimit, IsReadAsSlurmDoes) {
  const std::pair<const char*, double> limits[] = {{"90", 5400},         {"1:30", 90},
                                                   {"24:00:00", 86'400}, {"2-3", 183'600},
                                                   {"2-03:04", 183'840}, {"2-03:04:05", 183'845}};
  for (const auto& [text, seconds] : limits) EXPECT_EQ(limit_seconds(text), seconds) << text;
  for (const char* text : {"", "unlimited", "1:", "-1", "1:2:3:4", "1-2-3", "1-", "2h", "1-2:3:4:5"}) {
    EXPECT_EQ(limit_seconds(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ditmill::slurm

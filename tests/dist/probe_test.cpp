#include "dist/weights/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ditmill::dist {
namespace {

using configs::Strategy;

Strategy chosen(double alone, double together, double link, int machines) {
  return fastest({.read_alone = alone, .read_together = together, .link = link}, machines, Strategy::shared);
}

TEST(Probe, TakesWhatIsFastestAndOfTheSameWhatReadsLeast) {
  EXPECT_EQ(chosen(5, 5, 5, 4), Strategy::broadcast);
  EXPECT_EQ(chosen(5, 1.25, 46, 4), Strategy::broadcast) << "a server that four readers share";
  EXPECT_EQ(chosen(5, 5, 46, 8), Strategy::striped) << "more readers get more out of the storage";
  EXPECT_EQ(chosen(3, 3, 0.1, 8), Strategy::shared) << "disks of their own behind thin links";
  EXPECT_EQ(chosen(3, 1, 1.05, 8), Strategy::broadcast);
  EXPECT_EQ(fastest({.read_alone = 3, .read_together = 3, .link = 0.1}, 2, Strategy::independent),
            Strategy::independent);
}

TEST(Probe, HasAsManyMachinesReadAsTheStorageRewards) {
  const auto readers = [](double alone, double together, int machines) {
    return useful_readers({.read_alone = alone, .read_together = together}, machines);
  };
  EXPECT_EQ(readers(5, 5, 8), 8);
  EXPECT_EQ(readers(5, 0.625, 8), 1) << "a server that all share";
  EXPECT_EQ(readers(5, 2.5, 8), 4);
  EXPECT_EQ(readers(5, 0.1, 8), 1) << "one at least";
  EXPECT_EQ(readers(5, 50, 8), 8) << "what was read together came from a cache";
}

TEST(Probe, SaysWhatItMeasured) {
  EXPECT_EQ(describe({.read_alone = 2.1e9, .read_together = 9e8, .link = 1.2e9}),
            "a machine reads 2.10 GB/s alone and 0.90 while all do, a link gives 1.20");
}

}  // namespace
}  // namespace ditmill::dist

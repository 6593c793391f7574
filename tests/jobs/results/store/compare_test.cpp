#include "jobs/results/store/compare.h"

#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

struct CompareTest : ::testing::Test {
  CompareTest() { run.create(); }

  PartReader store(int epoch, const FinishedItem& finished) {
    GroupStore group(run, epoch, 0, {}, make_provenance());
    group.add(finished);
    group.seal(true);
    return PartReader(run.path() + "/" + RunDirectory::part(epoch, 0, 1));
  }

  TempFolder folder;
  RunDirectory run{folder.path() + "/run"};
  requests::Item item = make_item(1, 16, 16, 3);
  FinishedItem finished = make_finished(item, true);
};

TEST_F(CompareTest, FindsNothingBetweenEqualItems) {
  const PartReader then = store(1, finished);
  const ItemDifference difference = compare_items(then, store(2, finished), "item1");
  ASSERT_TRUE(difference.bytes.contains("frames") && difference.reals.contains("latents"));
  EXPECT_EQ(difference.bytes.at("frames").bytes, 16U * 16 * 3 * 3);
  EXPECT_EQ(difference.bytes.at("frames").differing, 0U);
  EXPECT_EQ(difference.reals.at("latents").relative, 0);
  EXPECT_FALSE(difference.bytes.contains("video"));
}

TEST_F(CompareTest, MeasuresHowFarApartItemsAre) {
  const PartReader then = store(1, finished);
  finished.frames[7] = static_cast<std::uint8_t>(finished.frames[7] ^ 128);
  finished.frames[1600] = static_cast<std::uint8_t>(finished.frames[1600] ^ 1);
  for (float& value : finished.latents) value *= 1.5F;
  const ItemDifference difference = compare_items(then, store(2, finished), "item1");
  EXPECT_EQ(difference.bytes.at("frames").differing, 2U);
  EXPECT_EQ(difference.bytes.at("frames").most, 128);
  EXPECT_DOUBLE_EQ(difference.bytes.at("frames").share(), 2.0 / 2304);
  EXPECT_NEAR(difference.reals.at("latents").relative, 0.5, 1e-6);
}

TEST_F(CompareTest, RefusesOtherShapes) {
  const PartReader then = store(1, finished);
  item = make_item(1, 16, 16, 2);
  EXPECT_THROW(compare_items(then, store(2, make_finished(item)), "item1"), Error);
}

}  // namespace
}  // namespace ditmill::jobs::results

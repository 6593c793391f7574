#include "jobs/watch/report/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

namespace ditmill::jobs::watch {
namespace {

TEST(Spread, IsOfTheNearestValues) {
  std::vector<float> values(101);
  std::iota(values.rbegin(), values.rend(), 0.0F);
  const Spread spread = spread_of(values);
  EXPECT_EQ(spread.p10, 10);
  EXPECT_EQ(spread.median, 50);
  EXPECT_EQ(spread.p90, 90);
  EXPECT_EQ(spread.most, 100);
  EXPECT_EQ(spread.mean, 50);
  EXPECT_EQ(spread_of({7}).p90, 7);
}

TEST(StageTable, TellsSizesApartAndPutsTheMostCommonFirst) {
  StageTable table;
  table.add(832, 480, 81, {.text = 0, .denoise = 10, .decode = 2, .store = 0.5});
  table.add(480, 832, 81, {.text = 0, .denoise = 20, .decode = 4, .store = 0.5});
  table.add(480, 832, 81, {.text = 0, .denoise = 30, .decode = 4, .store = 0.5});
  const nlohmann::json json = table.to_json(9);
  EXPECT_EQ(json["items"], 3);
  EXPECT_EQ(json["of"], 9);
  ASSERT_EQ(json["classes"].size(), 3u);
  EXPECT_EQ(json["classes"][0]["name"], "all sizes");
  EXPECT_EQ(json["classes"][1]["name"], "480 × 832, 81 frames");
  EXPECT_EQ(json["classes"][1]["items"], 2);
  EXPECT_EQ(json["classes"][0]["stages"][0]["stage"], "denoise") << "no item spent time on text";
  EXPECT_EQ(json["classes"][0]["stages"][0]["median"], 20.0);
  EXPECT_EQ(json["classes"][2]["stages"].back()["median"], 12.5);
}

TEST(StageTable, OfOneSizeNeedsNoSum) {
  StageTable table;
  EXPECT_EQ(table.to_json(0)["classes"].size(), 0u);
  table.add(16, 16, 1, {.denoise = 1});
  EXPECT_EQ(table.to_json(1)["classes"].size(), 1u);
}

TEST(StageTable, ShowsTwelveSizesAtMost) {
  StageTable table;
  for (int i = 1; i <= 40; ++i) table.add(16 * i, 16, 1, {.denoise = 1});
  EXPECT_EQ(table.to_json(40)["classes"].size(), 13u);
}

}  // namespace
}  // namespace ditmill::jobs::watch

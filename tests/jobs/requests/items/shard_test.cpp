#include "jobs/requests/items/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ditmill::jobs::requests {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> ids_of(std::size_t items, const Shard& shard) {
  ItemList list;
  for (std::size_t i = 0; i < items; ++i) list.add({.request = {.id = std::to_string(i)}});
  const ItemList part = shard_of(list, shard);
  keep_shard(list, shard);
  std::vector<std::string> ids;
  for (const PackedItem& item : list.packed()) ids.emplace_back(item.id);
  EXPECT_EQ(part.size(), list.size());
  for (std::size_t i = 0; i < std::min(part.size(), list.size()); ++i) EXPECT_EQ(part[i].request.id, ids[i]);
  return ids;
}

TEST(Shard, TakesEveryKthItemAndKeepsItsOwnWhenTheListGrows) {
  EXPECT_THAT(ids_of(7, {0, 3}), ElementsAre("0", "3", "6"));
  EXPECT_THAT(ids_of(7, {2, 3}), ElementsAre("2", "5"));
  EXPECT_THAT(ids_of(9, {2, 3}), ElementsAre("2", "5", "8"));
  EXPECT_THAT(ids_of(2, {2, 3}), ElementsAre());
  EXPECT_THAT(ids_of(2, {0, 1}), ElementsAre("0", "1"));
}

TEST(Shard, KnowsItsSize) {
  for (std::size_t items = 0; items < 12; ++items) {
    for (int count = 1; count < 5; ++count) {
      for (int index = 0; index < count; ++index) {
        EXPECT_EQ((Shard{index, count}.size(items)), ids_of(items, {index, count}).size());
      }
    }
  }
}

TEST(Shard, IsWrittenAsPartOfWhole) {
  EXPECT_EQ(shard_from_text("2/4"), (Shard{2, 4}));
  EXPECT_EQ(describe(Shard{2, 4}), "2/4");
  EXPECT_EQ(describe(std::nullopt), "the whole list");
  for (const char* text :
       {"", "/", "1", "1/", "/4", "4/4", "-1/4", "0/0", "1/4 ", "a/4", "0/1048577", "0/4/2"}) {
    EXPECT_EQ(shard_from_text(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ditmill::jobs::requests

#include "jobs/run/frozen/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"

namespace ditmill::jobs::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

requests::ItemList ten_items() {
  requests::ItemList list;
  for (int i = 0; i < 10; ++i) {
    requests::Item item;
    item.request.id = "item-" + std::to_string(i);
    item.key = std::string(63, '0') + std::to_string((i * 7) % 10);
    list.add(item);
  }
  return list;
}

std::vector<std::size_t> indices(const std::vector<bool>& chosen) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) found.push_back(i);
  }
  return found;
}

TEST(Selection, IsEverythingUnlessSomethingIsSaid) {
  EXPECT_EQ(indices(chosen_items(ten_items(), {})).size(), 10U);
}

TEST(Selection, TakesTheNamedItemsAndNamesThoseThatAreNotThere) {
  EXPECT_THAT(indices(chosen_items(ten_items(), {.only = {"item-7", "item-2"}})), ElementsAre(2, 7));
  try {
    chosen_items(ten_items(), {.only = {"item-2", "itm-3"}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.category()), 1);
    EXPECT_THAT(error.what(), HasSubstr("itm-3"));
    EXPECT_THAT(error.what(), HasSubstr("did you mean item-3"));
  }
}

TEST(Selection, SpreadsAPilotEvenlyOverTheList) {
  EXPECT_THAT(indices(chosen_items(ten_items(), {.pilot = 1})), ElementsAre(5));
  EXPECT_THAT(indices(chosen_items(ten_items(), {.pilot = 2})), ElementsAre(2, 7));
  EXPECT_THAT(indices(chosen_items(ten_items(), {.pilot = 3})), ElementsAre(1, 5, 8));
  EXPECT_EQ(indices(chosen_items(ten_items(), {.pilot = 10})).size(), 10U);
  EXPECT_EQ(indices(chosen_items(ten_items(), {.pilot = 99})).size(), 10U);
}

TEST(Selection, ShufflesByKeyAlone) {
  const requests::ItemList items = ten_items();
  const std::vector<PendingItem> pending{{.item = 1}, {.item = 2}, {.item = 3}, {.item = 4}};
  std::vector<std::size_t> order;
  for (const PendingItem& each : select_pending(items, chosen_items(items, {}), pending, true)) {
    order.push_back(each.item);
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 1, 4));
}

}  // namespace
}  // namespace ditmill::jobs::run

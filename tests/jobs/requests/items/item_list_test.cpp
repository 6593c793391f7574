#include "jobs/requests/items/item_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "registry/digest.h"

namespace ditmill::jobs::requests {
namespace {

using testing::ElementsAre;

Item item(const std::string& id, const std::string& prompt) {
  return {.request = {.id = id,
                      .prompt = prompt,
                      .negative_prompt = "blurry",
                      .seed = 9223372036854775807,
                      .width = 64,
                      .height = 32,
                      .frames = 5,
                      .fps = 12.5},
          .metadata = R"({"a":1})",
          .line = 3,
          .column = 4,
          .key = std::string(62, '0') + "fa"};
}

TEST(ItemList, GivesItemsBackAsTheyWere) {
  const Item long_one = item("b", std::string(3 << 20, 'x'));
  const ItemList list{item("a", "cat"), long_one, item("c", "")};
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1].request, long_one.request);
  EXPECT_EQ(list[0].metadata, R"({"a":1})");
  EXPECT_EQ(list[0].line, 3);
  EXPECT_EQ(list[0].key, std::string(62, '0') + "fa");
  EXPECT_EQ(list[2].request.prompt, "");
  EXPECT_THROW(static_cast<void>(list.at(3)), std::out_of_range);
}

TEST(ItemList, SharesWhatComesAgain) {
  ItemList list{item("a", "x"), item("b", "x")};
  EXPECT_EQ(list.packed()[0].negative_prompt.data(), list.packed()[1].negative_prompt.data());
  EXPECT_EQ(list.packed()[0].metadata.data(), list.packed()[1].metadata.data());
}

TEST(ItemList, StaysWholeWhenMovedAndSelectsInAnyOrder) {
  ItemList first;
  for (int i = 0; i < 1000; ++i) first.add(item("i" + std::to_string(i), "p" + std::to_string(i)));
  ItemList list = std::move(first);
  list.select({999, 0, 7});
  list.add(item("new", "p"));
  std::vector<std::string> ids;
  for (const PackedItem& each : list.packed()) ids.emplace_back(each.id);
  EXPECT_THAT(ids, ElementsAre("i999", "i0", "i7", "new"));
  EXPECT_EQ(list[0].request.prompt, "p999");
}

TEST(ItemList, KeysAreThoseOfTheCanonicalJson) {
  nlohmann::json identity =
      job_identity({{.name = "transformer", .key_hash = "aa", .digest = "sha256:01"}}, {});
  ItemList list;
  for (const char* prompt :
       {"a", "", "\"\\/\b\f\n\r\t\x01\x1f\x7f", "caf\xc3\xa9 \xf0\x9f\x98\xba \xe2\x80\xa8"}) {
    list.add({.request = {.id = "x", .prompt = prompt, .negative_prompt = std::string{prompt} + "n"}});
  }
  list.set_keys(ItemKeys{identity});
  for (std::size_t i = 0; i < list.size(); ++i) {
    identity.update(request_identity(list[i].request));
    EXPECT_EQ(list[i].key, registry::sha256_hex(identity.dump())) << i;
    EXPECT_EQ(list[i].key, item_key(identity, list[i].request)) << i;
  }
}

TEST(IdIndex, FindsEveryIdAndTheFirstOfEqualOnes) {
  ItemList list;
  IdIndex index{list};
  EXPECT_EQ(index.find("i0"), std::nullopt);
  for (std::size_t i = 0; i < 10'000; ++i) {
    list.add(item("i" + std::to_string(i % 9000), "p"));
    EXPECT_EQ(index.insert(i), i < 9000 ? std::nullopt : std::optional<std::size_t>{i - 9000});
  }
  for (std::size_t i = 0; i < 9000; ++i) ASSERT_EQ(index.find("i" + std::to_string(i)), i);
  EXPECT_EQ(index.find("i9000"), std::nullopt);
}

}  // namespace
}  // namespace ditmill::jobs::requests

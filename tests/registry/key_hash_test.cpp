#include "registry/key_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/registry/key_lists.h"

namespace ditmill::registry {
namespace {

std::vector<NamedShape> views(const tests::Shapes& shapes) {
  std::vector<NamedShape> views;
  for (const auto& [name, shape] : shapes) views.push_back({name, shape});
  return views;
}

// TeleFuser's own results (facts: telefuser.md, section 1); M7 and M8 need dictionaries in dictionaries.
TEST(KeyHash, EqualsTeleFusersMicroCases) {
  const struct {
    const char* name;
    tests::Shapes shapes;
    const char* hash;
  } rows[] = {
      {"M1", {{"weight", {2, 3}}, {"bias", {3}}}, "fc7dc5baf7b15fa085c52cd82407c83e"},
      {"M2: a suffix sorts after digits", {{"x.1", {5}}, {"x.10", {5}}}, "4fbd8d1c38abcf1d790a0f8c563035b3"},
      {"M3",
       {{"b.weight", {4, 3}}, {"b.bias", {4}}, {"a", {}}, {"blocks.10.w", {2, 2}}, {"blocks.2.w", {2, 2}}},
       "91e327d2e9a7d5a26b35bbd52b8c7500"},
      {"M4: by UTF-8 bytes",
       {{"a", {2}}, {"a.b", {2}}, {"A", {2}}, {"a_b", {2}}, {"\xc3\xa9", {1}}},
       "4752ea2d166eae5f2251941af991f6e4"},
      {"M5: a scalar", {{"s", {}}}, "7b847c792342f1757f158e37c0905d55"},
      {"M6: nothing", {}, "d41d8cd98f00b204e9800998ecf8427e"},
  };
  for (const auto& row : rows) {
    std::vector<NamedShape> tensors = views(row.shapes);
    EXPECT_EQ(key_hash(tensors), row.hash) << row.name;
    std::ranges::sort(tensors, {}, &NamedShape::name);
    EXPECT_EQ(key_hash(tensors), row.hash) << row.name << ", in order";
  }
  EXPECT_EQ(key_hash_names(views(rows[0].shapes)), "2635ee58aaf70a3c76d2c1f6c43b5080") << "M1k";
  EXPECT_EQ(key_hash_names(views(rows[2].shapes)), "9046d23a3c448511a0e972795c966e2b") << "M3k";
}

TEST(KeyHash, EqualsTeleFusersOfRealCheckpoints) {
  const struct {
    const char* list;
    std::size_t tensors;
    const char* hash;
    const char* names;
  } rows[] = {
      {"wan2.1-t2v-1.3b-official", 825, "9269f8db9040a9d860eaca435be61814",
       "df53b5b4bae585edf449d18f958c2e18"},
      {"wan2.1-t2v-14b-official", 1095, "aafcfd9672c3a2456dc46e1cb6e52c70",
       "7b7303816d4daabdba76a0e0b8610561"},
      {"wan2.1-t2v-1.3b-diffusers", 825, "b0a133b5687c7d054175e5bfa66ef5fd",
       "1fcfa695e488278a42302f5c619a74f1"},
      {"wan2.1-t2v-14b-diffusers", 1095, "cb104773c6c2cb6df4f9529ad5c60d0b",
       "69e090b361f377caa6276e2f858d50fe"},
      {"wan2.2-ti2v-5b-official", 825, "1f5ab7703c6fc803fdded85ff040c316",
       "df53b5b4bae585edf449d18f958c2e18"},
      {"umt5-xxl-official", 242, "9c8818c2cbea55eca56c7b447df170da", "9fbc39a6f9aa877f0fa5e02978509680"},
      {"wan2.1-vae-official", 194, "ccc42284ea13e1ad04693284c7a09be6", "bdafb71efbb901af41d0d01583356a4f"},
  };
  std::mt19937 random{7};
  for (const auto& row : rows) {
    tests::Shapes shapes = tests::key_list(row.list);
    ASSERT_EQ(shapes.size(), row.tensors) << row.list;
    std::shuffle(shapes.begin(), shapes.end(), random);
    EXPECT_EQ(key_hash(views(shapes)), row.hash) << row.list;
    EXPECT_EQ(key_hash_names(views(shapes)), row.names) << row.list;
  }
}

}  // namespace
}  // namespace ditmill::registry

#include "registry/components/kv_scale.h"

#include <gtest/gtest.h>

#include <set>

namespace ditmill::registry {
namespace {

const std::set<std::string, std::less<>> layers{"layers.0.self_attn.attn.k_scale",
                                                "layers.0.self_attn.attn.v_scale",
                                                "layers.0.self_attn.q_proj.weight", "layers.1.k_scale"};

std::optional<std::string> renamed(std::string_view name) {
  return layer_name_of_kv_scale(name, [](std::string_view each) { return layers.contains(each); });
}

TEST(KvScale, IsRenamedByEachRowOfFastVideosTable) {
  EXPECT_EQ(renamed("layers.0.self_attn.kv_scale"), "layers.0.self_attn.attn.k_scale");
  EXPECT_EQ(renamed("layers.0.self_attn.k_proj.k_scale"), "layers.0.self_attn.attn.k_scale");
  EXPECT_EQ(renamed("layers.0.self_attn.v_proj.v_scale"), "layers.0.self_attn.attn.v_scale");
  EXPECT_EQ(renamed("layers.0.self_attn.k_scale"), "layers.0.self_attn.attn.k_scale");
  EXPECT_EQ(renamed("layers.0.self_attn.v_scale"), "layers.0.self_attn.attn.v_scale");
}

TEST(KvScale, IsNotLoadedWhereNoLayerHasIt) {
  EXPECT_EQ(renamed("layers.9.self_attn.kv_scale"), std::nullopt);
  EXPECT_EQ(renamed("layers.0.mlp.k_scale"), std::nullopt);
  EXPECT_EQ(renamed("layers.9.self_attn.k_proj.k_scale"), std::nullopt);
}

TEST(KvScale, LeavesEveryOtherNameAndTheLayersOwn) {
  for (const char* name : {"layers.0.self_attn.q_proj.weight", "layers.0.self_attn.q_proj.weight_scale",
                           "layers.0.self_attn.q_scale", "kv_scale_of.weight", "", "layers.1.k_scale",
                           "layers.0.self_attn.attn.v_scale"})
    EXPECT_EQ(renamed(name), name);
}

TEST(KvScale, IsToldByItsName) {
  EXPECT_TRUE(is_kv_scale("a.kv_scale"));
  EXPECT_TRUE(is_kv_scale("a.k_scale"));
  EXPECT_FALSE(is_kv_scale("a.weight_scale"));
  EXPECT_FALSE(is_kv_scale("a.k_scale.b"));
}

}  // namespace
}  // namespace ditmill::registry

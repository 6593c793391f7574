#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "dist/plan/slices.h"
#include "models/binding/architecture.h"
#include "models/component_plan.h"
#include "models/family.h"
#include "models/text_encoders/umt5_dims.h"
#include "registry/identity/catalog.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models {
namespace {

using dist::Axis;
using dist::Mesh;
using dist::Range;
using dist::ShardRule;
using dist::Stages;

ShardRule dit_rule(const wan::Dims& dims, std::string_view tensor) {
  return shard_rule(registry::built_in_architecture("wan_dit"), wan::to_json(dims), tensor);
}

ShardRule umt5_rule(const Umt5Dims& dims, std::string_view tensor) {
  return shard_rule(registry::built_in_architecture("umt5"), to_json(dims), tensor);
}

struct Cut {
  int dim = ShardRule::whole;
  std::int64_t unit = 1;
};

/// Three heads, and sizes that are odd: nothing divides by accident.
wan::Dims odd_dims() {
  wan::Dims dims = wan::tiny_dims();
  dims.ffn_dim = 201;
  dims.layers = 5;
  return dims;
}

Umt5Dims odd_umt5() {
  return {.vocabulary = 701, .dim = 48, .heads = 3, .head_dim = 24, .ffn_dim = 57, .layers = 2};
}

std::map<std::string, Cut> block_cuts(std::int64_t head_dim) {
  std::map<std::string, Cut> cuts{{"norm2.weight", {}},         {"norm2.bias", {}},
                                  {"scale_shift_table", {}},    {"ffn.net.0.proj.weight", {0}},
                                  {"ffn.net.0.proj.bias", {0}}, {"ffn.net.2.weight", {1}},
                                  {"ffn.net.2.bias", {}}};
  for (const std::string attention : {"attn1.", "attn2."}) {
    for (const char* name : {"to_q.weight", "to_q.bias", "to_k.weight", "to_k.bias", "to_v.weight",
                             "to_v.bias", "norm_q.weight", "norm_k.weight"}) {
      cuts[attention + name] = {0, head_dim};
    }
    cuts[attention + "to_out.0.weight"] = {1, head_dim};
    cuts[attention + "to_out.0.bias"] = {};
  }
  return cuts;
}

TEST(ShardRules, AccountForEveryTensorOfAWanTransformer) {
  const wan::Dims dims = odd_dims();
  const std::map<std::string, Cut> cuts = block_cuts(dims.head_dim);
  std::size_t in_blocks = 0;
  for (const auto& [name, shape] : wan::dit_shapes(dims)) {
    const ShardRule rule = dit_rule(dims, name);
    if (name.starts_with("blocks.")) {
      const Cut& cut = cuts.at(name.substr(9));
      EXPECT_EQ(
          rule,
          (ShardRule{.dim = cut.dim, .unit = cut.unit, .stages = Stages::of_layer, .layer = name[7] - '0'}))
          << name;
      ++in_blocks;
    } else if (name.starts_with("condition_embedder.")) {
      EXPECT_EQ(rule, ShardRule{}) << name;
    } else {
      const bool first = name.starts_with("patch_embedding.");
      EXPECT_EQ(rule, ShardRule{.stages = first ? Stages::first : Stages::last}) << name;
    }
  }
  EXPECT_EQ(in_blocks, cuts.size() * 5);
}

TEST(ShardRules, CutKeysAndValuesOfPicturesAsThoseOfTexts) {
  wan::Dims dims = wan::picture_dims(true);
  dims.norm_added_q = true;
  const std::map<std::string, Cut> cuts{
      {"add_k_proj.weight", {0, dims.head_dim}},   {"add_k_proj.bias", {0, dims.head_dim}},
      {"add_v_proj.weight", {0, dims.head_dim}},   {"add_v_proj.bias", {0, dims.head_dim}},
      {"norm_added_k.weight", {0, dims.head_dim}}, {"norm_added_q.weight", {}}};
  const Shapes without = wan::dit_shapes(wan::tiny_dims());
  std::size_t of_pictures = 0;
  for (const auto& [name, shape] : wan::dit_shapes(dims)) {
    if (without.contains(name)) continue;
    const ShardRule rule = dit_rule(dims, name);
    if (name.starts_with("blocks.")) {
      const Cut& cut = cuts.at(name.substr(std::string_view("blocks.0.attn2.").size()));
      EXPECT_EQ(
          rule,
          (ShardRule{.dim = cut.dim, .unit = cut.unit, .stages = Stages::of_layer, .layer = name[7] - '0'}))
          << name;
    } else {
      EXPECT_TRUE(name.starts_with("condition_embedder.image_embedder.")) << name;
      EXPECT_EQ(rule, ShardRule{}) << name;
    }
    ++of_pictures;
  }
  EXPECT_EQ(of_pictures, cuts.size() * 2 + 9);
}

TEST(ShardRules, ReadTheNumbersOfBlocksOfSeveralDigits) {
  EXPECT_EQ(dit_rule(odd_dims(), "blocks.39.norm2.weight").layer, 39);
  for (const char* name : {"blocks", "blocks.", "blocks.x.norm2.weight", "blocks.3", "blocksy.3.norm2.bias",
                           "blocks.99999.norm2.weight"}) {
    EXPECT_EQ(dit_rule(odd_dims(), name), ShardRule{}) << name;
  }
}

TEST(ShardRules, AccountForEveryTensorOfAUmt5Encoder) {
  const Umt5Dims dims = odd_umt5();
  const std::map<std::string, Cut> cuts{{"layer.0.SelfAttention.q.weight", {0, 24}},
                                        {"layer.0.SelfAttention.k.weight", {0, 24}},
                                        {"layer.0.SelfAttention.v.weight", {0, 24}},
                                        {"layer.0.SelfAttention.o.weight", {1, 24}},
                                        {"layer.0.SelfAttention.relative_attention_bias.weight", {1}},
                                        {"layer.0.layer_norm.weight", {}},
                                        {"layer.1.DenseReluDense.wi_0.weight", {0}},
                                        {"layer.1.DenseReluDense.wi_1.weight", {0}},
                                        {"layer.1.DenseReluDense.wo.weight", {1}},
                                        {"layer.1.layer_norm.weight", {}}};
  for (const auto& [name, shape] : umt5_shapes(dims)) {
    const ShardRule rule = umt5_rule(dims, name);
    Cut cut;
    if (name == "shared.weight") cut = {0};
    if (name.starts_with("encoder.block.")) cut = cuts.at(name.substr(16));
    EXPECT_EQ(rule, (ShardRule{.dim = cut.dim, .unit = cut.unit})) << name;
  }
  EXPECT_EQ(umt5_rule(dims, "encoder.embed_tokens.weight"), umt5_rule(dims, "shared.weight"));
}

registry::Component component_of(const char* role, const Shapes& shapes) {
  registry::Component component;
  component.role = role;
  component.files.emplace_back();
  for (const auto& [name, shape] : shapes) {
    component.files[0].tensors.push_back({.name = name, .type = registry::ElementType::bf16, .shape = shape});
  }
  return component;
}

/// Over the ranks of one clip, every element of every tensor is held by one tp rank of each stage that has
/// it.
void expect_tiled(const dist::ComponentPlan& plan, const configs::ParallelConfig& degrees) {
  const Mesh mesh(degrees.group_size(), degrees);
  plan.for_each_tensor([&](const std::string& name, std::span<const std::uint64_t> shape) {
    SCOPED_TRACE(name + " pp " + std::to_string(degrees.pp) + " tp " + std::to_string(degrees.tp));
    const ShardRule rule = plan.rule_of(name);
    int stages = 0;
    for (int stage = 0; stage < degrees.pp; ++stage) {
      std::int64_t end = 0;
      bool held = false;
      for (int tp = 0; tp < degrees.tp; ++tp) {
        const dist::Slice slice =
            dist::slice_of(plan, mesh, mesh.rank_at({0, 0, 0, 0, stage, tp}), name, shape);
        EXPECT_TRUE(tp == 0 || slice.held == held);
        held = slice.held;
        if (!held || slice.dim == ShardRule::whole) continue;
        EXPECT_EQ(slice.range.begin, end);
        EXPECT_GT(slice.range.size(), 0);
        EXPECT_EQ(slice.range.size() % rule.unit, 0) << "heads stay whole";
        end = slice.range.end;
      }
      stages += held ? 1 : 0;
      if (held && rule.dim != ShardRule::whole) {
        EXPECT_EQ(end, static_cast<std::int64_t>(shape[static_cast<std::size_t>(rule.dim)]));
      }
    }
    EXPECT_EQ(stages, rule.stages == Stages::all ? degrees.pp : 1);
  });
}

TEST(ShardRules, SlicesOfAllRanksTileEveryTensor) {
  const wan::Dims dims = odd_dims();
  const dist::ComponentPlan dit =
      plan_component(family_named("wan"), component_of("dit", wan::dit_shapes(dims)), wan::to_json(dims),
                     configs::Dtype::bfloat16);
  const dist::ComponentPlan text =
      plan_component(family_named("wan"), component_of("text_encoder", umt5_shapes(odd_umt5())),
                     to_json(odd_umt5()), configs::Dtype::bfloat16);
  EXPECT_EQ(dit.layers, 5);
  EXPECT_EQ(text.layers, 0);
  EXPECT_FALSE(dit.fsdp);
  EXPECT_FALSE(dit.rules.contains("condition_embedder.time_proj.weight")) << "the default is not said";
  for (const int tp : {1, 2, 3}) {
    for (const int pp : {1, 2, 3}) {
      expect_tiled(dit, {.dp = {}, .pp = pp, .tp = tp});
      expect_tiled(text, {.dp = {}, .pp = pp, .tp = tp});
    }
  }
}

TEST(ShardRules, LeaveTheVaeWhole) {
  EXPECT_EQ(shard_rule(registry::built_in_architecture("wan_vae"), {}, "decoder.conv_in.weight"),
            ShardRule{});
}

// As diffusers' from_pretrained: what has one of these words in its dotted name.
TEST(Float32Islands, AreThoseOfFromPretrained) {
  const auto is_island = [](const std::string& name) {
    const std::string dotted = "." + name + ".";
    return std::ranges::any_of(
        std::array{".rope.", ".time_embedder.", ".scale_shift_table.", ".norm1.", ".norm2.", ".norm3."},
        [&dotted](const char* word) { return dotted.find(word) != std::string::npos; });
  };
  std::size_t islands = 0;
  const registry::Layout& dit = registry::built_in_architecture("wan_dit");
  for (const registry::LayoutTensor& tensor : dit.tensors) {
    EXPECT_EQ(tensor.float32, is_island(tensor.name(0))) << tensor.pattern();
    islands += tensor.float32 ? 1 : 0;
  }
  EXPECT_GE(islands, 8U);
  for (const char* other : {"umt5", "wan_vae"}) {
    for (const registry::LayoutTensor& tensor : registry::built_in_architecture(other).tensors)
      EXPECT_FALSE(tensor.float32) << tensor.pattern();
  }
}

TEST(DitShapes, OfThirtyBlocksAreThePublishedTransformers) {
  wan::Dims dims = wan::tiny_dims();
  dims.layers = 30;
  EXPECT_EQ(wan::dit_shapes(dims).size(), 825U);
}

}  // namespace
}  // namespace ditmill::models

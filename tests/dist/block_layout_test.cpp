#include "dist/plan/block_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

using configs::Dtype;
using testing::ElementsAre;

/// Five blocks of three tensors each, and a tensor beside them.
ComponentPlan five_blocks() {
  ComponentPlan plan;
  plan.name = "transformer";
  plan.files.push_back({.path = "f", .tensors = {}});
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
    plan.files[0].tensors.push_back(
        {.name = name, .type = registry::ElementType::f32, .shape = std::move(shape)});
  };
  add("beside", {10});
  for (std::int64_t layer = 0; layer < 5; ++layer) {
    const std::string block = "blocks." + std::to_string(layer) + ".";
    add(block + "to_q.weight", {9, 5});
    add(block + "norm2.weight", {7});
    add(block + "ffn.weight", {5, 11});
    plan.rules[block + "to_q.weight"] = {.dim = 0, .unit = 3, .stages = Stages::of_layer, .layer = layer};
    plan.rules[block + "norm2.weight"] = {.stages = Stages::of_layer, .layer = layer};
    plan.rules[block + "ffn.weight"] = {.dim = 1, .stages = Stages::of_layer, .layer = layer};
    plan.keep_float32.push_back(block + "norm2.weight");
  }
  plan.layers = 5;
  plan.fsdp = true;
  return plan;
}

TEST(BlockLayout, PutsTheTpSlicesOneBehindTheOtherByName) {
  const Mesh mesh(6, {.dp = {}, .ulysses = 3, .tp = 2});
  const BlockLayout layout = block_layout(five_blocks(), mesh, 0, 3);
  ASSERT_EQ(layout.tensors.size(), 3U);
  EXPECT_EQ(layout.tensors[0].name, "ffn.weight");
  EXPECT_THAT(layout.tensors[0].shape, ElementsAre(5, 6));
  EXPECT_EQ(layout.tensors[0].dtype, Dtype::bfloat16);
  EXPECT_EQ(layout.tensors[0].offset, 0U);
  EXPECT_EQ(layout.tensors[1].name, "norm2.weight");
  EXPECT_THAT(layout.tensors[1].shape, ElementsAre(7));
  EXPECT_EQ(layout.tensors[1].dtype, Dtype::float32);
  EXPECT_EQ(layout.tensors[1].offset, 64U);
  EXPECT_EQ(layout.tensors[2].name, "to_q.weight");
  EXPECT_THAT(layout.tensors[2].shape, ElementsAre(6, 5));
  EXPECT_EQ(layout.tensors[2].offset, 128U);
  EXPECT_EQ(layout.bytes, 192U) << "60 bytes more, and a multiple of 3 * 64";
}

TEST(BlockLayout, IsThatOfTheBlocksOfTheStage) {
  const Mesh mesh(4, {.dp = {}, .cfg = 2, .pp = 2});
  for (int rank = 0; rank < 4; ++rank) {
    std::vector<std::int64_t> layers;
    for (const auto& [layer, layout] : block_layouts(five_blocks(), mesh, rank)) layers.push_back(layer);
    if (mesh.coordinate(rank, Axis::pp) == 0) {
      EXPECT_THAT(layers, ElementsAre(0, 1, 2));
    } else {
      EXPECT_THAT(layers, ElementsAre(3, 4));
    }
  }
  ComponentPlan plan = five_blocks();
  plan.fsdp = false;
  EXPECT_TRUE(block_layouts(plan, mesh, 0).empty());
}

TEST(BlockLayout, IsTiledByTheShardsInTheOrderOfTheTeam) {
  const Mesh mesh(24, {.dp = {}, .cfg = 2, .ring = 2, .ulysses = 3, .tp = 2});
  for (const int tp : {0, 1}) {
    std::int64_t end = 0;
    for (int rank = tp; rank < 24; rank += 2) {  // row-major: cfg, ring, ulysses
      const BlockLayout layout = block_layout(five_blocks(), mesh, rank, 0);
      const Range shard = shard_range(layout, mesh, rank);
      EXPECT_EQ(shard.begin, end);
      EXPECT_EQ(shard.size() % 64, 0);
      end = shard.end;
      if (rank + 2 < 24) continue;
      EXPECT_EQ(end, static_cast<std::int64_t>(layout.bytes));
    }
  }
}

TEST(BlockLayout, CountsInTheBytesOfARank) {
  const ComponentPlan plan = five_blocks();
  // A block is 110 + 28 + 90 bytes, 128 + 64 + 128 with each rounded up to 64, 384 where two ranks share.
  const Mesh two(2, {.dp = {}, .ulysses = 2});
  EXPECT_EQ(block_layout(plan, two, 0, 0).bytes, 384U);
  for (const int rank : {0, 1}) EXPECT_EQ(plan.bytes_on(two, rank), 5u * 192 + 20);
  ComponentPlan own = plan;
  own.fsdp = false;
  EXPECT_EQ(own.bytes_on(two, 0), 5u * (110 + 28 + 90) + 20);
  const Mesh stages(2, {.dp = {}, .pp = 2});
  EXPECT_EQ(own.bytes_on(stages, 0), 3u * (110 + 28 + 90) + 20);
  EXPECT_EQ(own.bytes_on(stages, 1), 2u * (110 + 28 + 90) + 20);
  const Mesh columns(2, {.dp = {}, .tp = 2});
  EXPECT_EQ(own.bytes_on(columns, 0), 5u * (5 * 6 * 2 + 28 + 6 * 5 * 2) + 20);
  EXPECT_EQ(own.bytes_on(columns, 1), 5u * (5 * 5 * 2 + 28 + 3 * 5 * 2) + 20);
}

TEST(BlockLayout, RefusesTensorsThatAreNotNamedAfterTheirBlock) {
  ComponentPlan plan = five_blocks();
  plan.rules["beside"] = {.stages = Stages::of_layer, .layer = 1};
  EXPECT_THROW(block_layouts(plan, Mesh(1, {}), 0), Error);
}

}  // namespace
}  // namespace ditmill::dist

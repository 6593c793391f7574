#include "dist/plan/offloaded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dist/plan/places.h"

namespace ditmill::dist {
namespace {

using configs::Offload;
using configs::OffloadType;
using testing::ElementsAre;

/// Six blocks of two tensors, one of which is made of two of the files', and a tensor beside them.
ComponentPlan six_blocks(const Offload& offload) {
  ComponentPlan plan;
  plan.name = "transformer";
  plan.files.resize(2);
  const auto add = [&](std::size_t file, const std::string& name, std::vector<std::uint64_t> shape) {
    plan.files[file].tensors.push_back(
        {.name = name, .type = registry::ElementType::f32, .shape = std::move(shape)});
  };
  add(0, "beside", {10});
  plan.named.push_back({.name = "beside", .shape = {10}, .parts = {"beside"}});
  for (std::int64_t layer = 0; layer < 6; ++layer) {
    const std::string block = block_name({}, layer) + ".";
    add(1, block + "q", {4, 5});
    add(1, block + "k", {4, 5});
    add(layer == 0 ? 0 : 1, block + "norm", {7});
    plan.named.push_back({.name = block + "qk", .shape = {8, 5}, .parts = {block + "q", block + "k"}});
    plan.named.push_back({.name = block + "norm", .shape = {7}, .parts = {block + "norm"}});
    plan.rules[block + "qk"] = {.dim = 0, .unit = 2, .stages = Stages::of_layer, .layer = layer};
    plan.rules[block + "norm"] = {.stages = Stages::of_layer, .layer = layer};
  }
  plan.layers = 6;
  plan.dtype = configs::Dtype::float32;
  plan.offload = offload;
  return plan;
}

std::vector<std::int64_t> layers(const Offload& offload, const Mesh& mesh = Mesh(1, {}), int rank = 0) {
  std::vector<std::int64_t> layers;
  for (const Piece& piece : offloaded_pieces(six_blocks(offload), mesh, rank)) layers.push_back(piece.layer);
  return layers;
}

TEST(Offloaded, KeepsTheFirstBlocksOfAStageByRatioAndPrefetch) {
  EXPECT_THAT(layers({}), ElementsAre());
  EXPECT_THAT(layers({.type = OffloadType::sequential}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(layers({.type = OffloadType::async}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(layers({.type = OffloadType::async, .ratio = 0.4}), ElementsAre(3, 4, 5));
  EXPECT_THAT(layers({.type = OffloadType::async, .ratio = 1, .prefetch = 4}), ElementsAre(4, 5));
  EXPECT_THAT(layers({.type = OffloadType::async, .ratio = 1, .prefetch = 9}), ElementsAre());
  EXPECT_THAT(layers({.type = OffloadType::async, .ratio = 0}), ElementsAre());
  EXPECT_THAT(layers({.type = OffloadType::stages}), ElementsAre(Piece::whole));
  const Mesh stages(2, {.dp = {}, .pp = 2});
  EXPECT_THAT(layers({.type = OffloadType::async}, stages, 1), ElementsAre(4, 5));
}

TEST(Offloaded, IsNotAmongWhatARankHolds) {
  const Mesh two(2, {.dp = {}, .tp = 2});
  for (const auto& [offload, blocks] : {std::pair{Offload{}, 6U},
                                        {Offload{.type = OffloadType::sequential}, 0U},
                                        {Offload{.type = OffloadType::async, .ratio = 0.5}, 3U}}) {
    EXPECT_EQ(six_blocks(offload).bytes_on(two, 0), 4U * (10 + blocks * (4 * 5 + 7)));
  }
  const ComponentPlan whole = six_blocks({.type = OffloadType::stages});
  EXPECT_EQ(whole.bytes_on(two, 0), 0U);
  EXPECT_TRUE(Places(whole, two, 0).targets().empty());
}

TEST(Offloaded, PieceIsPlannedFromItsOwnTensorsAlone) {
  const Mesh two(2, {.dp = {}, .tp = 2});
  const ComponentPlan plan = six_blocks({.type = OffloadType::sequential});
  const std::vector<Piece> pieces = offloaded_pieces(plan, two, 1);
  const ComponentPlan first = plan_of(pieces[0], plan);
  EXPECT_EQ(first.files.size(), 2U) << "the norm lies in the first";
  const ComponentPlan last = plan_of(pieces[5], plan);
  ASSERT_EQ(last.files.size(), 1U);
  EXPECT_EQ(last.files[0].tensors.size(), 3U);
  const Places places(last, two, 1);
  ASSERT_EQ(places.targets().size(), 2U);
  std::uint64_t bytes = 0;
  for (const Target& target : places.targets()) {
    EXPECT_TRUE(target.name.starts_with(pieces[5].prefix())) << target.name;
    bytes +=
        4U * static_cast<std::uint64_t>(target.shape[0] * (target.shape.size() > 1 ? target.shape[1] : 1));
  }
  EXPECT_LE(bytes, pieces[5].layout.bytes);
  EXPECT_EQ(bytes, 4U * (4 * 5 + 7));
}

TEST(Offloaded, WholeComponentIsWhatItsStageHolds) {
  const Mesh stages(2, {.dp = {}, .pp = 2});
  const std::vector<Piece> pieces = offloaded_pieces(six_blocks({.type = OffloadType::stages}), stages, 1);
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].layout.tensors.size(), 7U) << "three blocks, and what lies beside them";
}

TEST(Offloaded, TravelsWithThePlan) {
  const Offload offload{.type = OffloadType::async, .ratio = 0.25, .prefetch = 3};
  EXPECT_EQ(component_plan_from_json(to_json(six_blocks(offload))).offload, offload);
}

}  // namespace
}  // namespace ditmill::dist

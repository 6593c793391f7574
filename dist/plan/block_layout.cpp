#include "dist/plan/block_layout.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "dist/plan/slices.h"

namespace ditmill::dist {
namespace {

constexpr std::uint64_t alignment = 64;

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t multiple) noexcept {
  return (bytes + multiple - 1) / multiple * multiple;
}

/// Ranks of Team::parameters.
int shards(const Mesh& mesh) noexcept {
  return mesh.degree(Axis::cfg) * mesh.degree(Axis::ring) * mesh.degree(Axis::ulysses);
}

std::string name_within(const std::string& block, const std::string& tensor) {
  const std::string prefix = block + ".";
  if (tensor.starts_with(prefix)) return tensor.substr(prefix.size());
  throw Error{Category::internal, "lay out a block", Where{.tensor = tensor},
              Expected{"a name that begins with " + prefix}, Got{printable(tensor, 80)}};
}

}  // namespace

BlockLayout lay_out(std::vector<BlockTensor> tensors, std::uint64_t multiple) {
  BlockLayout layout{.tensors = std::move(tensors)};
  std::ranges::sort(layout.tensors, {}, &BlockTensor::name);
  for (BlockTensor& tensor : layout.tensors) {
    tensor.offset = layout.bytes;
    std::uint64_t bytes = element_bytes(tensor.dtype);
    for (const std::int64_t size : tensor.shape) bytes *= static_cast<std::uint64_t>(size);
    layout.bytes = rounded_up(layout.bytes + bytes, alignment);
  }
  layout.bytes = rounded_up(layout.bytes, multiple);
  return layout;
}

std::map<std::int64_t, BlockLayout> block_layouts(const ComponentPlan& plan, const Mesh& mesh, int rank,
                                                  const Range& layers) {
  std::map<std::int64_t, BlockLayout> layouts;
  for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) layouts[layer];
  plan.for_each_tensor([&](const std::string& name, std::span<const std::uint64_t> shape) {
    const ShardRule rule = plan.rule_of(name);
    if (rule.stages != Stages::of_layer || !layouts.contains(rule.layer)) return;
    const std::vector<std::uint64_t> held = tp_slice(rule, mesh, rank, name, shape).shape;
    layouts[rule.layer].tensors.push_back({.name = name_within(plan.block_name(rule.layer), name),
                                           .dtype = plan.dtype_of(name),
                                           .shape = {held.begin(), held.end()}});
  });
  for (auto& [layer, layout] : layouts) {
    layout = lay_out(std::move(layout.tensors), alignment * static_cast<std::uint64_t>(shards(mesh)));
  }
  return layouts;
}

BlockLayout block_layout(const ComponentPlan& plan, const Mesh& mesh, int rank, std::int64_t layer) {
  return block_layouts(plan, mesh, rank, {layer, layer + 1}).at(layer);
}

std::map<std::int64_t, BlockLayout> block_layouts(const ComponentPlan& plan, const Mesh& mesh, int rank) {
  if (!plan.fsdp) return {};
  return block_layouts(plan, mesh, rank,
                       stage_layers(plan.layers, mesh.coordinate(rank, Axis::pp), mesh.degree(Axis::pp)));
}

Range shard_range(const BlockLayout& layout, const Mesh& mesh, int rank) noexcept {
  const int place =
      (mesh.coordinate(rank, Axis::cfg) * mesh.degree(Axis::ring) + mesh.coordinate(rank, Axis::ring)) *
          mesh.degree(Axis::ulysses) +
      mesh.coordinate(rank, Axis::ulysses);
  const auto part = static_cast<std::int64_t>(layout.bytes) / shards(mesh);
  return {place * part, (place + 1) * part};
}

}  // namespace ditmill::dist

#include "dist/plan/offloaded.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "dist/plan/slices.h"

namespace ditmill::dist {
namespace {

/// All that a rank holds of a component, as one run of bytes.
BlockLayout whole_layout(ComponentPlan plan, const Mesh& mesh, int rank) {
  plan.offload = {};
  std::vector<BlockTensor> tensors;
  plan.for_each_tensor([&](const std::string& name, std::span<const std::uint64_t> shape) {
    const Slice slice = slice_of(plan, mesh, rank, name, shape);
    if (!slice.held) return;
    tensors.push_back(
        {.name = name, .dtype = plan.dtype_of(name), .shape = {slice.shape.begin(), slice.shape.end()}});
  });
  return lay_out(std::move(tensors));
}

}  // namespace

bool comes_whole(const ComponentPlan& plan) noexcept {
  return plan.offload.any() && (!plan.offload.by_block() || plan.layers == 0);
}

Range offloaded_layers(const ComponentPlan& plan, const Mesh& mesh, int rank) noexcept {
  if (!plan.offload.by_block() || plan.layers == 0) return {};
  Range layers = stage_layers(plan.layers, mesh.coordinate(rank, Axis::pp), mesh.degree(Axis::pp));
  if (plan.offload.type == configs::OffloadType::async) {
    const auto stay =
        static_cast<std::int64_t>(static_cast<double>(layers.size()) * (1 - plan.offload.ratio));
    layers.begin = std::min(layers.end, layers.begin + std::max<std::int64_t>(plan.offload.prefetch, stay));
  }
  return layers;
}

std::vector<Piece> offloaded_pieces(const ComponentPlan& plan, const Mesh& mesh, int rank) {
  std::vector<Piece> pieces;
  if (comes_whole(plan)) pieces.push_back({.layout = whole_layout(plan, mesh, rank)});
  for (auto& [layer, layout] : block_layouts(plan, mesh, rank, offloaded_layers(plan, mesh, rank))) {
    pieces.push_back({.layer = layer, .name = plan.block_name(layer), .layout = std::move(layout)});
  }
  return pieces;
}

ComponentPlan plan_of(const Piece& piece, const ComponentPlan& plan) {
  const std::string prefix = piece.prefix();
  std::set<std::string, std::less<>> wanted;
  for (const BlockTensor& tensor : piece.layout.tensors) wanted.insert(prefix + tensor.name);
  ComponentPlan part = plan;
  part.offload = {};
  if (!part.named.empty()) {
    std::erase_if(part.named, [&](const auto& tensor) { return !wanted.contains(tensor.name); });
    wanted.clear();
    for (const registry::NamedTensor& tensor : part.named)
      wanted.insert(tensor.parts.begin(), tensor.parts.end());
  }
  for (registry::WeightFile& file : part.files) {
    std::erase_if(file.tensors, [&](const auto& tensor) { return !wanted.contains(tensor.name); });
  }
  std::erase_if(part.files, [](const auto& file) { return file.tensors.empty(); });
  return part;
}

}  // namespace ditmill::dist

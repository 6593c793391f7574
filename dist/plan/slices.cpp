#include "dist/plan/slices.h"

#include <functional>
#include <numeric>
#include <string>

#include "configs/error.h"
#include "dist/plan/offloaded.h"
#include "registry/tensor_info.h"

namespace ditmill::dist {
namespace {

bool holds(const ComponentPlan& plan, const ShardRule& rule, int stage, int stages) noexcept {
  switch (rule.stages) {
    case Stages::first:
      return stage == 0;
    case Stages::last:
      return stage == stages - 1;
    case Stages::of_layer: {
      const Range layers = stage_layers(plan.layers, stage, stages);
      return rule.layer >= layers.begin && rule.layer < layers.end;
    }
    case Stages::all:
      break;
  }
  return true;
}

bool comes_and_goes(const ComponentPlan& plan, const ShardRule& rule, const Mesh& mesh, int rank) noexcept {
  if (comes_whole(plan)) return true;
  const Range layers = offloaded_layers(plan, mesh, rank);
  return rule.stages == Stages::of_layer && rule.layer >= layers.begin && rule.layer < layers.end;
}

}  // namespace

Slice tp_slice(const ShardRule& rule, const Mesh& mesh, int rank, std::string_view tensor,
               std::span<const std::uint64_t> shape) {
  Slice slice{.shape = {shape.begin(), shape.end()}};
  if (rule.dim == ShardRule::whole) return slice;
  const auto dim = static_cast<std::size_t>(rule.dim);
  if (dim >= shape.size()) {
    throw Error{Category::internal, "slice a component", Where{.tensor = std::string(tensor)},
                Expected{"a dimension " + std::to_string(rule.dim) + " to cut"},
                Got{registry::shape_text(shape)}};
  }
  slice.dim = rule.dim;
  slice.range = tp_range(rule, static_cast<std::int64_t>(shape[dim]), mesh.coordinate(rank, Axis::tp),
                         mesh.degree(Axis::tp));
  slice.shape[dim] = static_cast<std::uint64_t>(slice.range.size());
  return slice;
}

Slice slice_of(const ComponentPlan& plan, const Mesh& mesh, int rank, std::string_view tensor,
               std::span<const std::uint64_t> shape) {
  const ShardRule rule = plan.rule_of(tensor);
  if (!holds(plan, rule, mesh.coordinate(rank, Axis::pp), mesh.degree(Axis::pp)) ||
      comes_and_goes(plan, rule, mesh, rank)) {
    return {.held = false, .shape = {}};
  }
  return tp_slice(rule, mesh, rank, tensor, shape);
}

std::uint64_t elements_of(std::span<const std::uint64_t> shape) noexcept {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
}

}  // namespace ditmill::dist

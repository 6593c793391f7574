#include "jobs/bench/random_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dist/dtype.h"
#include "dist/plan/slices.h"
#include "models/component_plan.h"

namespace ditmill::jobs::bench {
namespace {

/// Draws tensors by name, so that the order in which a rank draws does not matter.
class Drawing {
 public:
  Drawing(const dist::ComponentPlan& plan, const at::Device& device, int tp_place)
      : plan_(plan),
        device_(device),
        tp_place_(tp_place),
        generator_(at::globalContext().defaultGenerator(device).clone()) {
    plan.for_each_tensor([this](const std::string& name, std::span<const std::uint64_t> shape) {
      const std::uint64_t elements = dist::elements_of(shape);
      // Biases and norms are small beside what matrices make of unit vectors.
      const std::uint64_t fan_in = shape.size() < 2 ? 25 : elements / std::max<std::uint64_t>(shape[0], 1);
      deviations_[name] = 1 / std::sqrt(static_cast<double>(fan_in));
    });
  }

  const dist::ComponentPlan& plan() const noexcept { return plan_; }

  at::Tensor draw(const std::string& name, at::IntArrayRef shape) {
    const bool cut = plan_.rule_of(name).dim != dist::ShardRule::whole;
    generator_.set_current_seed(std::hash<std::string>{}(name) +
                                static_cast<std::uint64_t>(cut ? tp_place_ : 0));
    const at::Tensor tensor =
        at::empty(shape, at::TensorOptions(dist::scalar_type(plan_.dtype_of(name))).device(device_));
    return tensor.normal_(0, deviations_.at(name), generator_);
  }

 private:
  const dist::ComponentPlan& plan_;
  at::Device device_;
  int tp_place_;
  at::Generator generator_;
  std::map<std::string, double> deviations_;
};

at::Tensor draw_shard(Drawing& drawing, std::int64_t layer, const dist::BlockLayout& layout,
                      const dist::Range& mine, const at::Device& device) {
  at::Tensor shard = at::zeros({mine.size()}, at::TensorOptions(at::kByte).device(device));
  for (const dist::BlockTensor& part : layout.tensors) {
    const auto offset = static_cast<std::int64_t>(part.offset);
    const auto bytes = c10::multiply_integers(part.shape) *
                       static_cast<std::int64_t>(c10::elementSize(dist::scalar_type(part.dtype)));
    const std::int64_t begin = std::max(offset, mine.begin);
    const std::int64_t end = std::min(offset + bytes, mine.end);
    if (begin >= end) continue;
    const at::Tensor whole = drawing.draw(drawing.plan().block_name(layer) + "." + part.name, part.shape)
                                 .flatten()
                                 .view(at::kByte);
    shard.narrow(0, begin - mine.begin, end - begin).copy_(whole.narrow(0, begin - offset, end - begin));
  }
  return shard;
}

}  // namespace

dist::ComponentPlan plan_without_files(const StepSetup& setup) {
  dist::ComponentPlan plan = models::plan_component(*setup.family, setup.component,
                                                    setup.hyper_parameters.at(step_component), setup.dtype());
  plan.fsdp = setup.pipeline.parallel.fsdp;
  return plan;
}

RandomWeights draw_weights(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank,
                           const at::Device& device) {
  Drawing drawing(plan, device, mesh.coordinate(rank, dist::Axis::tp));
  RandomWeights mine;
  mine.layouts = dist::block_layouts(plan, mesh, rank);
  plan.for_each_tensor([&](const std::string& name, std::span<const std::uint64_t> shape) {
    const bool sharded = plan.fsdp && plan.rule_of(name).stages == dist::Stages::of_layer;
    const dist::Slice slice = dist::slice_of(plan, mesh, rank, name, shape);
    if (sharded || !slice.held) return;
    mine.tensors[name] =
        drawing.draw(name, std::vector<std::int64_t>(slice.shape.begin(), slice.shape.end()));
  });
  for (const auto& [layer, layout] : mine.layouts) {
    mine.tensors[plan.block_name(layer)] =
        draw_shard(drawing, layer, layout, dist::shard_range(layout, mesh, rank), device);
  }
  for (const auto& [name, tensor] : mine.tensors) mine.bytes += tensor.nbytes();
  return mine;
}

}  // namespace ditmill::jobs::bench

#include "models/wan/blocks.h"

#include <ATen/ATen.h>

#include <utility>

namespace ditmill::models::wan {

Blocks::Blocks(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
               const BlockShards& shards)
    : dims_(dims), parallel_(parallel) {
  const dist::Range layers = parallel.part(dist::Axis::pp, dims.layers);
  if (shards.layouts.empty()) {
    blocks_.reserve(static_cast<std::size_t>(layers.size()));
    for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
      blocks_.emplace_back(weights.scope("blocks", layer), dims, parallel);
    }
    return;
  }
  std::vector<at::Tensor> parts;
  std::vector<dist::BlockLayout> layouts;
  for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
    layouts.push_back(shards.layouts.at(layer));
    const auto bytes =
        static_cast<std::int64_t>(layouts.back().bytes) / parallel.size(dist::Team::parameters);
    parts.push_back(weights.take("blocks." + std::to_string(layer), {bytes}));
  }
  gather_ = std::make_unique<ParameterGather>(parallel_.team(dist::Team::parameters), std::move(parts),
                                              std::move(layouts));
  if (shards.reshard_after_forward) return;
  for (std::size_t i = 0; i < gather_->size(); ++i) {
    dist::TensorMap tensors = gather_->take(i);
    for (auto& [name, tensor] : tensors) tensor = tensor.clone();
    const WeightsView view(std::move(tensors), "dit, block " + std::to_string(i));
    blocks_.emplace_back(view, dims_, parallel_);
    view.finish();
  }
  gather_.reset();
}

Block Blocks::gathered(std::size_t i) {
  const WeightsView view(gather_->take(i), "dit, block " + std::to_string(i));
  Block block(view, dims_, parallel_);
  view.finish();
  return block;
}

at::Tensor Blocks::operator()(at::Tensor x, const at::Tensor& text, const at::Tensor& modulation,
                              const Tokens& tokens) {
  for (const Block& block : blocks_) x = block(x, text, modulation, tokens);
  for (std::size_t i = 0; gather_ && i < gather_->size(); ++i) {
    x = gathered(i)(x, text, modulation, tokens);
  }
  return x;
}

}  // namespace ditmill::models::wan

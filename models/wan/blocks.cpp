#include "models/wan/blocks.h"

#include <ATen/ATen.h>

#include <utility>

#include "models/offload/block_stream.h"
#include "models/parameter_gather.h"

namespace ditmill::models::wan {

Blocks::Blocks(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
               const ComingBlocks& coming)
    : dims_(dims), parallel_(parallel) {
  dist::Range layers = parallel.part(dist::Axis::pp, dims.layers);
  if (!coming.shards.empty()) {
    shard(weights, coming, layers);
    return;
  }
  if (coming.offloaded) {
    layers.end -= static_cast<std::int64_t>(coming.offloaded->pieces().size());
    source_ = std::make_unique<BlockStream>(coming.offloaded, coming.ahead, coming.device);
  }
  blocks_.reserve(static_cast<std::size_t>(layers.size()));
  for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
    blocks_.emplace_back(weights.scope("blocks", layer), dims, parallel);
  }
}

void Blocks::shard(const WeightsView& weights, const ComingBlocks& coming, const dist::Range& layers) {
  std::vector<at::Tensor> parts;
  std::vector<dist::BlockLayout> layouts;
  for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
    layouts.push_back(coming.shards.at(layer));
    const auto bytes =
        static_cast<std::int64_t>(layouts.back().bytes) / parallel_.size(dist::Team::parameters);
    parts.push_back(weights.take("blocks." + std::to_string(layer), {bytes}));
  }
  source_ = std::make_unique<ParameterGather>(parallel_.team(dist::Team::parameters), std::move(parts),
                                              std::move(layouts));
  if (coming.reshard_after_forward) return;
  for (std::size_t i = 0; i < source_->size(); ++i) {
    dist::TensorMap tensors = source_->take(i);
    for (auto& [name, tensor] : tensors) tensor = tensor.clone();
    const WeightsView view(std::move(tensors), "transformer, block " + std::to_string(i));
    blocks_.emplace_back(view, dims_, parallel_);
    view.finish();
  }
  source_.reset();
}

Block Blocks::taken(std::size_t i) {
  const WeightsView view(source_->take(i), "transformer, block " + std::to_string(blocks_.size() + i));
  Block block(view, dims_, parallel_);
  view.finish();
  return block;
}

at::Tensor Blocks::operator()(at::Tensor x, const at::Tensor& text, const at::Tensor& modulation,
                              const Tokens& tokens) {
  for (const Block& block : blocks_) x = block(x, text, modulation, tokens);
  for (std::size_t i = 0; source_ && i < source_->size(); ++i) {
    x = taken(i)(x, text, modulation, tokens);
  }
  return x;
}

}  // namespace ditmill::models::wan

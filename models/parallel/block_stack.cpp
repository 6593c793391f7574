#include "models/parallel/block_stack.h"

#include "models/offload/block_stream.h"
#include "models/parallel/parameter_gather.h"

namespace ditmill::models {
namespace {

std::unique_ptr<BlockSource> sharded(const WeightsView& weights, std::span<const dist::BlockList> lists,
                                     const dist::ParallelContext& parallel, const ComingBlocks& coming,
                                     const dist::Range& layers) {
  std::vector<at::Tensor> parts;
  std::vector<dist::BlockLayout> layouts;
  for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
    layouts.push_back(coming.shards.at(layer));
    const auto bytes =
        static_cast<std::int64_t>(layouts.back().bytes) / parallel.size(dist::Team::parameters);
    parts.push_back(weights.take(dist::block_name(lists, layer), {bytes}));
  }
  return std::make_unique<ParameterGather>(parallel.team(dist::Team::parameters), std::move(parts),
                                           std::move(layouts));
}

}  // namespace

std::unique_ptr<BlockSource> coming_of(const WeightsView& weights, std::span<const dist::BlockList> lists,
                                       const dist::ParallelContext& parallel, const ComingBlocks& coming,
                                       dist::Range& layers) {
  if (!coming.shards.empty()) {
    const dist::Range all = layers;
    layers.end = layers.begin;
    return sharded(weights, lists, parallel, coming, all);
  }
  if (!coming.offloaded) return nullptr;
  layers.end -= static_cast<std::int64_t>(coming.offloaded->pieces().size());
  return std::make_unique<BlockStream>(coming.offloaded, coming.ahead, coming.device);
}

}  // namespace ditmill::models

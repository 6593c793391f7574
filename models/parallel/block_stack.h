#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dist/parallel_context.h"
#include "dist/plan/block_layout.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "models/offload/block_source.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Where blocks' parameters come from that are not among the weights of a rank: none do where it has its own.
struct ComingBlocks {
  /// Sharded over the parameters team (fsdp): by layer; the shards are the weights "blocks.N".
  std::map<std::int64_t, dist::BlockLayout> shards;
  bool reshard_after_forward = true;  ///< false: gathered once, then kept
  /// The last blocks of the stage, one a piece; instead of shards.
  std::shared_ptr<dist::OffloadedWeights> offloaded = {};
  int ahead = 1;                 ///< of these, on their way
  at::Device device = at::kCPU;  ///< that layers compute on
};

/// The source of the blocks of a list that come and go; null where all are here. `layers` are those of this
/// rank's stage, and become those that are among its weights.
std::unique_ptr<BlockSource> coming_of(const WeightsView& weights, const std::string& list,
                                       const dist::ParallelContext& parallel, const ComingBlocks& coming,
                                       dist::Range& layers);

/// The blocks of a list that this rank's pipeline stage has, in their order. Not thread-safe.
template <typename Block>
class BlockStack {
 public:
  using Make = std::function<Block(const WeightsView& weights)>;

  /// `list`: its name ("blocks"); `layers`: of the whole list; `make` builds a block from its weights.
  BlockStack(const WeightsView& weights, std::string list, std::int64_t layers, Make make,
             const dist::ParallelContext& parallel, const ComingBlocks& coming)
      : list_(std::move(list)), make_(std::move(make)) {
    dist::Range here = parallel.part(dist::Axis::pp, layers);
    source_ = coming_of(weights, list_, parallel, coming, here);
    blocks_.reserve(static_cast<std::size_t>(here.size()));
    for (std::int64_t layer = here.begin; layer < here.end; ++layer) {
      blocks_.push_back(make_(weights.scope(list_, layer)));
    }
    if (coming.shards.empty() || coming.reshard_after_forward) return;
    for (std::size_t i = 0; i < source_->size(); ++i) {
      dist::TensorMap tensors = source_->take(i);
      for (auto& [name, tensor] : tensors) tensor = tensor.clone();
      blocks_.push_back(built(std::move(tensors), i));
    }
    source_.reset();
  }

  /// Sends x through all of them by pass(block, x). Collective over every team that blocks and their
  /// parameters talk to.
  template <typename X, typename Pass>
  X operator()(X x, const Pass& pass) {
    for (const Block& block : blocks_) x = pass(block, std::move(x));
    for (std::size_t i = 0; source_ && i < source_->size(); ++i) {
      x = pass(built(source_->take(i), blocks_.size() + i), std::move(x));
    }
    return x;
  }

 private:
  Block built(dist::TensorMap tensors, std::size_t number) const {
    const WeightsView view(std::move(tensors), list_ + " " + std::to_string(number));
    Block block = make_(view);
    view.finish();
    return block;
  }

  std::string list_;
  Make make_;
  std::vector<Block> blocks_;            ///< those that are here for good
  std::unique_ptr<BlockSource> source_;  ///< of those that come and go, after these
};

}  // namespace ditmill::models

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dist/parallel_context.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/plan.h"
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

/// The source of blocks that come and go; null where all are here. `layers` are those of this rank's stage,
/// counted through all lists, and become those that are among its weights.
std::unique_ptr<BlockSource> coming_of(const WeightsView& weights, std::span<const dist::BlockList> lists,
                                       const dist::ParallelContext& parallel, const ComingBlocks& coming,
                                       dist::Range& layers);

/// The blocks that this rank's pipeline stage has, in their order: of one list, or of several that follow
/// each other (Block is then a variant of their types). Not thread-safe.
template <typename Block>
class BlockStack {
 public:
  /// Builds a block of a list from its weights.
  using Make = std::function<Block(const WeightsView& weights, std::size_t list)>;

  /// `lists`: all that the model has, as its architecture states them.
  BlockStack(const WeightsView& weights, std::vector<dist::BlockList> lists, Make make,
             const dist::ParallelContext& parallel, const ComingBlocks& coming)
      : lists_(std::move(lists)), make_(std::move(make)), numerics_(weights.numerics()) {
    std::int64_t layers = 0;
    for (const dist::BlockList& list : lists_) layers += list.layers;
    dist::Range here = parallel.part(dist::Axis::pp, layers);
    first_ = here.begin;
    source_ = coming_of(weights, lists_, parallel, coming, here);
    blocks_.reserve(static_cast<std::size_t>(here.size()));
    for (std::int64_t layer = here.begin; layer < here.end; ++layer) {
      blocks_.push_back(make_(weights.scope(dist::block_name(lists_, layer)), list_of(layer)));
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
  std::size_t list_of(std::int64_t layer) const {
    std::size_t list = 0;
    for (; list + 1 < lists_.size() && layer >= lists_[list].layers; ++list) layer -= lists_[list].layers;
    return list;
  }

  /// `number`: of the stage's blocks.
  Block built(dist::TensorMap tensors, std::size_t number) const {
    const std::int64_t layer = first_ + static_cast<std::int64_t>(number);
    const WeightsView view(std::move(tensors), dist::block_name(lists_, layer), numerics_);
    Block block = make_(view, list_of(layer));
    view.finish();
    return block;
  }

  std::vector<dist::BlockList> lists_;
  std::int64_t first_ = 0;  ///< of this stage
  Make make_;
  configs::Numerics numerics_;
  std::vector<Block> blocks_;            ///< those that are here for good
  std::unique_ptr<BlockSource> source_;  ///< of those that come and go, after these
};

}  // namespace ditmill::models

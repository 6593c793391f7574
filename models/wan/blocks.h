#pragma once

#include <map>
#include <memory>
#include <vector>

#include "dist/plan/block_layout.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "models/block_source.h"
#include "models/wan/block.h"

namespace ditmill::models::wan {

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

/// The blocks of this rank's pipeline stage, in their order. Not thread-safe.
class Blocks {
 public:
  Blocks(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
         const ComingBlocks& coming);

  /// Sends x through all of them; arguments as Block's. Collective over every team that they talk to.
  at::Tensor operator()(at::Tensor x, const at::Tensor& text, const at::Tensor& modulation,
                        const Tokens& tokens);

 private:
  void shard(const WeightsView& weights, const ComingBlocks& coming, const dist::Range& layers);
  Block taken(std::size_t i);

  Dims dims_;
  dist::ParallelContext parallel_;
  std::vector<Block> blocks_;            ///< those that are here for good
  std::unique_ptr<BlockSource> source_;  ///< of those that come and go, after these
};

}  // namespace ditmill::models::wan

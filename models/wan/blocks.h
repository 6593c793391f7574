#pragma once

#include <map>
#include <memory>
#include <vector>

#include "dist/plan/block_layout.h"
#include "models/parameter_gather.h"
#include "models/wan/block.h"

namespace ditmill::models::wan {

/// How the blocks' parameters are sharded over the parameters team (fsdp); none where every rank has its own.
struct BlockShards {
  std::map<std::int64_t, dist::BlockLayout> layouts;  ///< by layer; the shards are the weights "blocks.N"
  bool reshard_after_forward = true;                  ///< false: gathered once, then kept
};

/// The blocks of this rank's pipeline stage, in their order. Not thread-safe.
class Blocks {
 public:
  Blocks(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
         const BlockShards& shards);

  /// Sends x through all of them; arguments as Block's. Collective over every team that they talk to.
  at::Tensor operator()(at::Tensor x, const at::Tensor& text, const at::Tensor& modulation,
                        const Tokens& tokens);

 private:
  Block gathered(std::size_t i);

  Dims dims_;
  dist::ParallelContext parallel_;
  std::vector<Block> blocks_;                ///< those that are here for good
  std::unique_ptr<ParameterGather> gather_;  ///< of those that come and go
};

}  // namespace ditmill::models::wan

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/plan/plan.h"

namespace ditmill::dist {

/// A tensor of a transformer's block within the block's bytes.
struct BlockTensor {
  std::string name;  ///< within the block: "attn1.to_q.weight"
  configs::Dtype dtype = configs::Dtype::bfloat16;
  std::vector<std::int64_t> shape;  ///< of the tp slice
  std::uint64_t offset = 0;         ///< a multiple of 64
};

/// The parameters of a block as one run of bytes, which fsdp shards over Team::parameters: rank i of n holds
/// bytes [i * bytes / n, (i + 1) * bytes / n). What lies between tensors is zero.
struct BlockLayout {
  std::vector<BlockTensor> tensors;  ///< by name
  std::uint64_t bytes = 0;           ///< a multiple of 64 * n
};

/// Tensors as one run of bytes, in the order of their names; `multiple` (of 64): its size is one of it. Their
/// offsets are set.
BlockLayout lay_out(std::vector<BlockTensor> tensors, std::uint64_t multiple = 64);

/// The layout of a block, cut by tp as `rank` has it, whether the rank's stage holds it or not. Throws
/// Error(internal) if a tensor of the block is not named after it.
BlockLayout block_layout(const ComponentPlan& plan, const Mesh& mesh, int rank, std::int64_t layer);
/// The same of several blocks, by layer: the plan's tensors are looked at once.
std::map<std::int64_t, BlockLayout> block_layouts(const ComponentPlan& plan, const Mesh& mesh, int rank,
                                                  const Range& layers);
/// The layouts of all blocks that a rank's stage holds, by layer; none without plan.fsdp.
std::map<std::int64_t, BlockLayout> block_layouts(const ComponentPlan& plan, const Mesh& mesh, int rank);

/// The bytes of a block that a rank holds.
Range shard_range(const BlockLayout& layout, const Mesh& mesh, int rank) noexcept;

}  // namespace ditmill::dist

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dist/plan/block_layout.h"
#include "dist/plan/plan.h"
#include "dist/plan/slices.h"

namespace ditmill::dist {

/// A tensor of the layers as a rank holds it.
struct Target {
  std::string name;
  configs::Dtype dtype = configs::Dtype::bfloat16;
  std::vector<std::int64_t> shape;  ///< of the slice
  std::int64_t block = -1;          ///< that it is a part of (fsdp); -1: it is held by itself
  std::uint64_t offset = 0;         ///< of its first byte within the block
  std::size_t parts = 0;            ///< tensors of the files that have elements of it
};
/// Of its elements.
std::uint64_t bytes_of(const Target& target) noexcept;

/// What of a tensor of the files is kept, and where it goes.
struct Place {
  std::size_t target = 0;           ///< among Places::targets()
  int dim = ShardRule::whole;       ///< that is cut; whole: all of it is kept
  Range range{};                    ///< along dim
  std::vector<std::int64_t> shape;  ///< of what is kept
  std::int64_t join_dim = 0;        ///< where the target has several parts: they are joined along it, ...
  std::int64_t join_offset = 0;     ///< ... and this one begins here
};

/// Where the tensors of a plan's files go on a rank. What the rank holds nothing of has no place.
class Places {
 public:
  /// The plan need not outlive it. Throws Error(internal) where parts are not the files', or are not enough.
  Places(const ComponentPlan& plan, const Mesh& mesh, int rank);

  const std::vector<Target>& targets() const noexcept { return targets_; }
  /// Null if nothing of that tensor of the files is kept.
  const Place* find(std::string_view tensor) const;
  /// Blocks that are sharded, and the bytes of each that are this rank's.
  const std::map<std::int64_t, BlockLayout>& blocks() const noexcept { return blocks_; }
  Range shard(std::int64_t layer) const { return shards_.at(layer); }

 private:
  using Infos = std::unordered_map<std::string_view, const registry::TensorInfo*>;

  void add(const registry::NamedTensor& tensor, const Slice& slice, Target target, const Infos& infos);
  void add_part(const registry::TensorInfo& part, const registry::NamedTensor& whole, const Slice& slice,
                std::int64_t offset);
  bool in_shard(const Target& target) const;

  std::vector<Target> targets_;
  std::unordered_map<std::string, Place> places_;  ///< by name in the files
  std::map<std::int64_t, BlockLayout> blocks_;
  std::map<std::int64_t, Range> shards_;
};

}  // namespace ditmill::dist

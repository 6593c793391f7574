#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/plan/block_layout.h"
#include "dist/weights/stream.h"
#include "models/offload/block_source.h"

namespace ditmill::models {

/// The parameters of blocks that are sharded over a team (fully sharded data parallelism: Zhao et al.,
/// PyTorch FSDP, 2023; Rajbhandari et al., ZeRO, 2020): one block is whole while it is used, the next is on
/// its way. Two buffers take turns; on a device, what is put on the current stream before a gather is done
/// before it overwrites a buffer.
class ParameterGather final : public BlockSource {
 public:
  /// shards[i]: this rank's bytes of block i, laid out as layouts[i]. `comm`: the team; it outlives this.
  ParameterGather(const dist::Communicator& comm, std::vector<at::Tensor> shards,
                  std::vector<dist::BlockLayout> layouts);

  std::size_t size() const noexcept override { return shards_.size(); }
  /// Collective.
  dist::TensorMap take(std::size_t i) override;

 private:
  void start(std::size_t i);
  at::Tensor& buffer(std::size_t i) { return buffers_[i % 2]; }

  const dist::Communicator* comm_;
  std::vector<at::Tensor> shards_;
  std::vector<dist::BlockLayout> layouts_;
  std::array<at::Tensor, 2> buffers_;
  std::size_t turn_ = 0;   ///< the buffer of the block under way
  std::size_t under_way_;  ///< its block; size(): none
  dist::Request request_;
};

}  // namespace ditmill::models

#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/plan.h"
#include "dist/weights/load_options.h"
#include "dist/weights/nodes.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "dist/weights/source/load_work.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/tensors/tensor_map.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// What came out of streaming one component.
struct StreamedComponent {
  /// What this rank holds, by name: slices in float32 or the plan's dtype, contiguous; of a block that is
  /// sharded (fsdp), this rank's bytes of it, [bytes] uint8, as ComponentPlan::block_name().
  TensorMap tensors;
  std::map<std::int64_t, BlockLayout> blocks;  ///< that are sharded, by layer
  std::vector<registry::FileDigest> digests;   ///< of the plan's files, in order, on every rank
  std::uint64_t bytes = 0;                     ///< of the files
  /// What it does not hold (plan.offload); none if it holds all.
  std::shared_ptr<OffloadedWeights> offloaded{};
  LoadWork work;             ///< of this rank
  int reading_machines = 1;  ///< that read files
  double seconds = 0;
};

/// Brings a component to every rank: rank 0 reads each file once, front to back, and broadcasts it in chunks
/// of registry::leaf_bytes, each with its XXH3-128; every rank, whose number is its rank in the mesh,
/// verifies each chunk, copies what it holds of it to the tensors it belongs to, and converts a tensor to its
/// dtype when its last byte is in. Reading is ahead of the broadcast. Collective. If a read fails, a file is
/// no longer the size that was planned, or a digest does not match on any rank, all ranks throw the same
/// Error naming file, offset, tensor and rank. A tensor goes to `device` as soon as it is complete.
StreamedComponent stream_component(const Communicator& comm, const ComponentPlan& plan, const Mesh& mesh,
                                   const OpenSource& open = registry::open_file,
                                   const at::Device& device = at::kCPU);

/// As that, between machines by a Relay: the first ranks of so many machines read, each its share of the
/// chunks; each machine verifies a chunk once, and its ranks share the frames (Nodes::ring()), if there is
/// room. Chunks that come spoilt to any rank are read once more, with all that their tensors are made of,
/// before that is an error.
StreamedComponent stream_between(const Nodes& nodes, int readers, const ComponentPlan& plan, const Mesh& mesh,
                                 const LoadOptions& options);

}  // namespace ditmill::dist

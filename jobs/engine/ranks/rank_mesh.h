#pragma once

#include <c10/core/Device.h>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "dist/parallel_context.h"

namespace ditmill::jobs::engine {

/// The ranks of a job, each at its place in the mesh.
struct RankMesh {
  dist::Communicator ranks;  ///< all of them, in the mesh's order
  dist::ParallelContext parallel;
};

/// Gives every rank of `world` its place, so that the teams that talk most stay inside a machine (rank 0
/// warns of those that do not), and makes the teams; on devices their tensors travel by NCCL. Collective.
/// Throws Error(usage) where the degrees do not fit the world, and Error(communication).
RankMesh connect_ranks(const dist::Communicator& world, const configs::ParallelConfig& degrees,
                       const at::Device& device);

}  // namespace ditmill::jobs::engine

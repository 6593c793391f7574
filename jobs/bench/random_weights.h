#pragma once

#include <cstdint>
#include <map>

#include "dist/plan/block_layout.h"
#include "dist/weights/stream.h"
#include "jobs/bench/step_setup.h"

namespace ditmill::jobs::bench {

/// How a transformer would be brought to the ranks, if there were files of it.
dist::ComponentPlan plan_without_files(const StepSetup& setup);

/// What one rank holds of weights that no file has.
struct RandomWeights {
  dist::TensorMap tensors;  ///< its slices by name; under fsdp its shards of the blocks, as "blocks.N"
  std::map<std::int64_t, dist::BlockLayout> layouts;  ///< of the blocks, under fsdp
  std::uint64_t bytes = 0;
};

/// Draws a rank's weights on its device, normal and about as large as those of a model; of what other ranks
/// hold no more than one tensor is ever made. Ranks that share a slice hold the same.
RandomWeights draw_weights(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank,
                           const at::Device& device);

}  // namespace ditmill::jobs::bench

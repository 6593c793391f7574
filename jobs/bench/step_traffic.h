#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "dist/parallel_context.h"
#include "models/denoise/denoiser.h"

namespace ditmill::jobs::bench {

/// What one denoising step has to do.
struct StepWork {
  std::array<std::int64_t, 4> latent{};  ///< channels, frames, height, width
  std::int64_t element = 2;              ///< bytes of an activation's element
  int clips = 1;                         ///< in flight, one behind the other
  bool guided = true;                    ///< two forward passes a step, shared out by cfg
  bool shards_blocks = false;            ///< fsdp that gathers blocks in every pass

  /// Forward passes of a clip that a rank of a cfg degree makes.
  int passes(int cfg) const noexcept { return guided && cfg == 1 ? 2 : 1; }
};

/// Bytes that a rank gives in a step in the middle of a job, by purpose: those of its passes
/// (models::ClipPasses::bytes_given()) and of the loop around them; purposes without bytes are not there.
/// `block_bytes`: bytes of this rank's blocks under fsdp, padding included, all ranks' shards together.
std::map<dist::Purpose, std::uint64_t> bytes_a_step(const StepWork& work, const dist::ParallelContext& place,
                                                    const models::ClipPasses& passes,
                                                    std::uint64_t block_bytes);

}  // namespace ditmill::jobs::bench

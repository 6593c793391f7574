#pragma once

#include <cstddef>

#include "configs/pipeline_config.h"

namespace ditmill::models::wan {

/// The high-noise expert runs while t >= 1000 * boundary. Throws Error(bad_input) where nothing says it.
double boundary(const configs::PipelineConfig& pipeline);
/// The low-noise expert's guidance scale: guidance_scale_2, else as the other's.
double low_noise_guidance(const configs::PipelineConfig& pipeline);
/// How many clips take a turn of an expert together where experts come and go: high steps of all, then low
/// steps of all. 1 where they stay, or there is one transformer.
std::size_t window_of_experts(const configs::PipelineConfig& pipeline);
/// How many clips are denoised together: such a window, or as many as keep all pipeline stages busy.
std::size_t clips_together(const configs::PipelineConfig& pipeline);

}  // namespace ditmill::models::wan

#pragma once

#include <functional>
#include <span>
#include <vector>

#include "models/denoise/turns.h"
#include "models/generator.h"

namespace ditmill::models {

/// What one clip is made from, for a denoiser with such tensors.
using MakeInput = std::function<DenoiseInput(const at::TensorOptions& options, const ClipInput& clip)>;

/// ClipGenerator::denoise() by turns of `steps` steps in all: as many clips together as there are pipeline
/// stages.
std::vector<ClipLatents> denoise_clips(std::span<const ClipInput> clips, std::span<const Turn> turns,
                                       int steps, const MakeInput& input_of,
                                       const dist::ParallelContext& parallel, const dist::Tell& tell);

}  // namespace ditmill::models

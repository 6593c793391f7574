#pragma once

#include <optional>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// Degrees of a model, with or without its text encoder, with which a rank would be left without attention
/// heads, ffn columns or blocks, a problem an axis; `field` is the axis, `nearest` holds the largest degree
/// that works.
std::vector<Problem> check_degrees(const Dims& dit, const std::optional<Umt5Dims>& text_encoder,
                                   const configs::ParallelConfig& parallel);

}  // namespace ditmill::models::wan

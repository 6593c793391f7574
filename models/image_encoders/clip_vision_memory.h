#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "configs/pipeline_config.h"

namespace ditmill::models {

/// Peak bytes of activations, from above, while so many pictures are encoded together, with the states that
/// come out. `clip`: what bind_clip_vision() gives.
std::uint64_t clip_vision_encode_bytes(const nlohmann::json& clip, configs::Dtype dtype,
                                       std::int64_t pictures = 1);

}  // namespace ditmill::models

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "configs/pipeline_config.h"

namespace ditmill::models {

inline std::uint64_t bytes_of(configs::Dtype dtype) { return dtype == configs::Dtype::bfloat16 ? 2 : 4; }

inline std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

/// A hyper-parameter; 0 without it.
std::uint64_t size_in(const nlohmann::json& json, const char* name);

inline std::uint64_t ceil_div(std::uint64_t value, std::uint64_t parts) {
  return (value + parts - 1) / parts;
}

/// Bytes of latents of a float each: of noise, of a prediction.
inline std::uint64_t latent_bytes(const std::array<std::int64_t, 4>& latent) {
  return sizeof(float) * unsigned_of(latent[0] * latent[1] * latent[2] * latent[3]);
}

/// With what following operators leaves out: what threads of attention work in, small tensors, holes in the
/// heap.
inline std::uint64_t with_slack(std::uint64_t bytes) { return bytes + bytes / 10 + (std::uint64_t{1} << 20); }

}  // namespace ditmill::models

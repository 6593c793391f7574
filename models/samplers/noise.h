#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

namespace ditmill::models {

/// An item's initial noise [1, channels, frames, height, width]: float32, normal, from a CPU generator that
/// has its seed and nobody else's draws.
at::Tensor initial_noise(std::int64_t seed, const std::array<std::int64_t, 4>& latent_shape);

}  // namespace ditmill::models

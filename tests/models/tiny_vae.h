#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "dist/weights/stream.h"
#include "models/vae/wan_vae_dims.h"

namespace ditmill::models {

/// Three sizes, both halvings in time.
inline WanVaeDims tiny_vae() {
  return {.base_dim = 6,
          .z_dim = 4,
          .dim_mult = {1, 2, 2},
          .num_res_blocks = 1,
          .temporal_downsample = {true, true},
          .latents_mean = {0.1, 0.2, 0.3, 0.4},
          .latents_std = {1, 2, 3, 4}};
}

/// The same as Wan 2.2's is, of patches of two pixels: twice the scale.
inline WanVaeDims tiny_vae_22() {
  WanVaeDims dims = tiny_vae();
  dims.is_residual = true;
  dims.decoder_base_dim = 8;
  dims.patch_size = 2;
  return dims;
}

inline dist::TensorMap random_vae_weights(const WanVaeDims& dims, bool with_encoder,
                                          at::ScalarType dtype = at::kFloat) {
  dist::TensorMap weights;
  for (const auto& [name, shape] : wan_vae_shapes(dims)) {
    if (!with_encoder && !vae_needs(name)) continue;
    weights[name] = (0.1 * at::randn(std::vector<std::int64_t>(shape.begin(), shape.end()))).to(dtype);
  }
  return weights;
}

}  // namespace ditmill::models

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "dist/weights/tensors/tensor_map.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

// What latents are conditioned on where a clip begins (and ends) with pictures, as diffusers' Wan pipeline
// has it (pipeline_wan_i2v.py, prepare_latents).

/// The clip that the VAE encodes: pictures [3, H, W] in [-1, 1] as its first and, if there is one, last
/// frame, mid-grey between. [1, 3, frames, H, W].
at::Tensor conditioned_frames(const at::Tensor& first, const at::Tensor& last, std::int64_t frames);

/// Which frames of that clip were given: [4, T, h, w] float32, a channel for each of the `scale` frames of a
/// latent frame; the first frame alone fills its latent frame.
at::Tensor condition_mask(std::int64_t frames, std::int64_t scale, bool ends_with_picture,
                          std::int64_t height, std::int64_t width);

/// Latents [..., frames, height, width] with another first frame.
at::Tensor with_first_frame(const at::Tensor& latents, const at::Tensor& first);

/// What a transformer with latents of that shape is told of pictures, all zeros: to measure its passes.
dist::TensorMap blank_pictures(const Dims& dims, at::IntArrayRef latents);

}  // namespace ditmill::models::wan

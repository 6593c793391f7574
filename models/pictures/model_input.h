#pragma once

#include <vector>

#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// The side of what CLIP's vision encoders take.
inline constexpr int clip_side = 224;

/// A picture as transformers' CLIPImageProcessor gives it, bit for bit as its class for Pillow:
/// [3, clip_side, clip_side] float32. The shorter side becomes clip_side, bicubic, the longer
/// trunc(clip_side * long / short); the square in the middle; level / 255, less CLIP's mean, over its
/// standard deviation. Throws Error(internal) unless the picture has pixels.
std::vector<float> clip_pixels(const Picture& picture);

/// A picture as diffusers' VaeImageProcessor hands it to a VAE, bit for bit: [3, height, width] float32, 2 *
/// (level / 255) - 1. Throws as clip_pixels().
std::vector<float> to_model_range(const Picture& picture);

}  // namespace ditmill::models::pictures

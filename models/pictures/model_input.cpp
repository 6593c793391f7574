#include "models/pictures/model_input.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "models/pictures/resize.h"

namespace ditmill::models::pictures {
namespace {

/// What each level of a colour becomes.
using Levels = std::array<float, 256>;

/// [3, height, width] of [height, width, 3].
std::vector<float> planes(const Picture& picture, const std::array<Levels, 3>& levels) {
  const std::size_t pixels = picture.rgb.size() / 3;
  std::vector<float> out(picture.rgb.size());
  for (std::size_t colour = 0; colour < 3; ++colour) {
    float* plane = out.data() + colour * pixels;
    for (std::size_t i = 0; i < pixels; ++i) plane[i] = levels[colour][picture.rgb[3 * i + colour]];
  }
  return out;
}

Levels clip_levels(float mean, float deviation) {
  Levels levels{};
  for (std::size_t level = 0; level < levels.size(); ++level) {
    // Scaled in doubles, all else in floats.
    const auto scaled = static_cast<float>(static_cast<double>(level) * (1.0 / 255.0));
    levels[level] = (scaled - mean) / deviation;
  }
  return levels;
}

Stretch middle(std::int64_t size) {
  const std::int64_t begin = (size - clip_side) / 2;
  return {size, begin, begin + clip_side};
}

}  // namespace

std::vector<float> clip_pixels(const Picture& picture) {
  require_pixels(picture, "prepare a picture for CLIP");
  const int shorter = std::min(picture.width, picture.height);
  const int longer = std::max(picture.width, picture.height);
  const auto stretched =
      static_cast<std::int64_t>(static_cast<double>(std::int64_t{clip_side} * longer) / shorter);
  const Stretch short_side = middle(clip_side);
  const Stretch long_side = middle(stretched);
  const bool wide = picture.width > picture.height;
  const Picture square =
      resize_part(picture, wide ? long_side : short_side, wide ? short_side : long_side, Filter::bicubic);
  return planes(square, {clip_levels(0.48145466F, 0.26862954F), clip_levels(0.4578275F, 0.26130258F),
                         clip_levels(0.40821073F, 0.27577711F)});
}

std::vector<float> to_model_range(const Picture& picture) {
  require_pixels(picture, "prepare a picture for a VAE");
  Levels levels{};
  for (std::size_t level = 0; level < levels.size(); ++level) {
    levels[level] = 2.0F * (static_cast<float>(level) / 255.0F) - 1.0F;
  }
  return planes(picture, {levels, levels, levels});
}

}  // namespace ditmill::models::pictures

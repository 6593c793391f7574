#pragma once

#include <cstdint>

#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// Filters of Pillow: Lanczos with three lobes, bicubic with a = -0.5. Both widen where a side shrinks.
enum class Filter { lanczos, bicubic };

/// The picture in width x height pixels, stretched, byte for byte as Pillow 13 resizes an RGB picture: an
/// axis at a time, weights of 22 bits, whole levels between the axes; the vertical axis first where it
/// shrinks by more than twice what the other does. Throws Error(internal) unless picture and size have
/// pixels.
Picture resize(const Picture& picture, int width, int height, Filter filter);

/// A stretch of one axis, and the pixels begin .. end of what it comes to that are wanted.
struct Stretch {
  std::int64_t size = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// A part of what resize() gives, without making the rest. Throws as resize().
Picture resize_part(const Picture& picture, const Stretch& across, const Stretch& down, Filter filter);

}  // namespace ditmill::models::pictures

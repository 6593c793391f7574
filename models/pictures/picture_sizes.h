#pragma once

#include <cstdint>

#include "configs/resolution.h"

namespace ditmill::models::pictures {

/// The size of a clip that has a picture's aspect and about `area` pixels, as diffusers' examples for Wan
/// image-to-video have it: with r = height / width, round(sqrt(area * r)) and round(sqrt(area / r)), each
/// down to a whole multiple, at least one. Rounded before it is cut, not cut alone as Wan's own script does:
/// that makes 832x464 of 832x480 and its area. Throws Error(internal) unless all are above 0.
configs::FrameSize size_by_area(int width, int height, std::int64_t area, int multiple);

/// The same by the rule of Wan2.2 TI2V-5B: no more than `area` pixels; one side is cut down to a multiple
/// first, the other from what the area leaves, and of the two orders the one counts whose aspect is nearer to
/// the picture's, height first if both are alike. Throws as size_by_area().
configs::FrameSize size_within_area(int width, int height, std::int64_t area, int multiple);

}  // namespace ditmill::models::pictures

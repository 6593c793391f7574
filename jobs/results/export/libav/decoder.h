#pragma once

#include <cstddef>
#include <cstdint>

#include "jobs/results/export/video_abi.h"

namespace ditmill::jobs::results::libav {

/// Decodes the H.264 stream of an MP4 file into `rgb` [frames, height, width, 3]. Throws Failure: bad_input
/// if it is damaged, or of another shape.
void decode(const std::uint8_t* mp4, std::size_t bytes, const video_abi::Shape& shape, std::uint8_t* rgb);

}  // namespace ditmill::jobs::results::libav

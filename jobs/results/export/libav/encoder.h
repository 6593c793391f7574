#pragma once

#include <cstdint>
#include <vector>

#include "jobs/results/export/video_abi.h"

namespace ditmill::jobs::results::libav {

/// Throws Failure(unsupported) if libav cannot encode H.264.
void require_encoder();

/// An MP4 file of one H.264 stream, its index in front of the pictures. Throws Failure.
std::vector<std::uint8_t> encode(const std::uint8_t* rgb, const video_abi::Shape& shape,
                                 const video_abi::Encoding& encoding);

}  // namespace ditmill::jobs::results::libav

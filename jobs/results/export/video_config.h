#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "configs/choice.h"
#include "configs/error.h"
#include "configs/request.h"
#include "configs/yaml_reader.h"

namespace ditmill::jobs::results {

/// How a pixel's colour is kept: 4:2:0 (what every player shows), 4:2:2 or 4:4:4, 8 bits.
enum class PixelFormat { yuv420p, yuv422p, yuv444p };
/// By libav's names.
inline constexpr std::array<configs::Choice<PixelFormat>, 3> pixel_formats{
    {{"yuv420p", PixelFormat::yuv420p},
     {"yuv422p", PixelFormat::yuv422p},
     {"yuv444p", PixelFormat::yuv444p}}};
std::string_view name(PixelFormat format) noexcept;
/// None if there is none of that name.
std::optional<PixelFormat> pixel_format_named(std::string_view name) noexcept;

/// The only codec, and the kind of file that it is in.
inline constexpr std::string_view video_codec = "h264";
inline constexpr std::string_view video_media_type = "video/mp4";

/// What `output.video` says.
struct VideoConfig {
  int crf = 18;  ///< x264's constant rate factor: 0 is lossless (but for the colours), 51 is worst
  PixelFormat pix_fmt = PixelFormat::yuv420p;

  bool operator==(const VideoConfig&) const = default;
};
inline constexpr configs::Bounds<int> crf_bounds{0, 51};

/// Frames a second as a fraction.
struct FrameRate {
  int numerator = 0;
  int denominator = 1;

  bool operator==(const FrameRate&) const = default;
};
/// The simplest fraction that is `fps` as a double (23.976 is 2997/125, 24000.0/1001 is 24000/1001), or where
/// that needs more than seven digits, the last one before. None below one frame in 1000 seconds.
std::optional<FrameRate> frame_rate(double fps) noexcept;

/// What of a request cannot become such a video: odd sizes where two pixels share a colour, too low an fps.
/// Every message begins with the field at fault.
std::vector<Problem> check_video(const VideoConfig& video, const configs::Request& request);

/// Bytes that the video takes at most: its planes uncompressed (which noise at crf 0 comes close to) and what
/// the file adds to each frame. A clip takes a few hundredths of it.
std::uint64_t most_video_bytes(const VideoConfig& video, const configs::Request& request) noexcept;

}  // namespace ditmill::jobs::results

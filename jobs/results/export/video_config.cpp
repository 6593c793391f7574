#include "jobs/results/export/video_config.h"

#include <cmath>
#include <string>
#include <utility>

namespace ditmill::jobs::results {
namespace {

constexpr double least_fps = 0.001;
constexpr double most_digits = 1e7;

/// Pixels that share one colour, across and down.
struct Sharing {
  int across;
  int down;
};

Sharing sharing(PixelFormat format) noexcept {
  switch (format) {
    case PixelFormat::yuv420p:
      return {2, 2};
    case PixelFormat::yuv422p:
      return {2, 1};
    case PixelFormat::yuv444p:
      break;
  }
  return {1, 1};
}

}  // namespace

std::string_view name(PixelFormat format) noexcept { return configs::word_of(pixel_formats, format); }

std::optional<PixelFormat> pixel_format_named(std::string_view name) noexcept {
  return configs::value_of<PixelFormat>(pixel_formats, name);
}

std::optional<FrameRate> frame_rate(double fps) noexcept {
  if (!(fps >= least_fps) || fps > most_digits) return std::nullopt;
  // Convergents of the continued fraction, in doubles: below 2^53 they are exact.
  double numerator = std::floor(fps);
  double denominator = 1;
  double last_numerator = 1;
  double last_denominator = 0;
  double rest = fps - numerator;
  while (numerator / denominator != fps && rest > 0) {
    rest = 1 / rest;
    const double term = std::floor(rest);
    rest -= term;
    const double next_numerator = term * numerator + last_numerator;
    const double next_denominator = term * denominator + last_denominator;
    if (next_numerator > most_digits || next_denominator > most_digits) break;
    last_numerator = std::exchange(numerator, next_numerator);
    last_denominator = std::exchange(denominator, next_denominator);
  }
  return FrameRate{.numerator = static_cast<int>(numerator), .denominator = static_cast<int>(denominator)};
}

std::vector<Problem> check_video(const VideoConfig& video, const configs::Request& request) {
  std::vector<Problem> problems;
  const auto [across, down] = sharing(video.pix_fmt);
  const auto check_even = [&](const char* side, int pixels, int shared) {
    if (pixels % shared == 0) return;
    problems.push_back(
        {.message = std::string{side} + " must be even for a video of " + std::string{name(video.pix_fmt)},
         .expected = "an even number, or output.video: {codec: h264, pix_fmt: yuv444p}",
         .got = std::to_string(pixels),
         .field = side});
  };
  check_even("width", request.width, across);
  check_even("height", request.height, down);
  if (!frame_rate(request.fps)) {
    problems.push_back(
        {.message = "fps is out of range for a video",
         .expected = configs::expected_number(configs::Bounds<double>{least_fps, configs::fps_bounds.most}),
         .got = std::to_string(request.fps),
         .field = "fps"});
  }
  return problems;
}

std::uint64_t most_video_bytes(const VideoConfig& video, const configs::Request& request) noexcept {
  constexpr std::uint64_t bytes_per_frame = 1 << 10;
  const auto [across, down] = sharing(video.pix_fmt);
  const std::uint64_t pixels = std::uint64_t{1} * request.width * request.height;
  const std::uint64_t planes = pixels + 2 * (pixels / static_cast<std::uint64_t>(across * down));
  return (planes + bytes_per_frame) * request.frames;
}

}  // namespace ditmill::jobs::results

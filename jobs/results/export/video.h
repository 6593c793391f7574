#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/results/export/video_abi.h"
#include "jobs/results/export/video_config.h"

namespace ditmill::jobs::results {

/// Height, width and number of a clip's frames.
struct ClipShape {
  std::int64_t frames = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  /// frames * height * width * 3; throws Error(bad_input) if an extent is not positive, a side has over 16384
  /// pixels, or the product does not fit.
  std::size_t bytes() const;
};

/// libditmill_video.so, opened: libav is in the process as long as this lives. Move-only. A moved-from one is
/// of no use.
class VideoLibrary {
 public:
  /// Opens it beside the executable, else at $DITMILL_VIDEO. Throws Error: not_found (no such file), io (it,
  /// or a library that it needs, cannot be loaded), unsupported (libav without x264; another version of
  /// ditmill).
  VideoLibrary();

  /// An MP4 file (H.264, BT.709 limited range, index in front) of frames of RGB [frames, height, width, 3],
  /// with one thread. The same arguments give the same bytes with the same libx264. Throws Error: bad_input
  /// (a shape or fps that check_video() refuses, or that does not fit the bytes), memory, internal.
  std::vector<std::uint8_t> encode(std::span<const std::uint8_t> frames, const ClipShape& shape, double fps,
                                   const VideoConfig& video) const;
  /// The frames of an MP4 file with an H.264 stream of that shape. Throws Error: bad_input (damaged, or of
  /// another shape), memory.
  std::vector<std::uint8_t> decode(std::span<const std::uint8_t> mp4, const ClipShape& shape) const;

 private:
  struct Close {
    void operator()(void* library) const noexcept;
  };

  std::string path_;
  std::unique_ptr<void, Close> library_;
  const video_abi::Functions* functions_ = nullptr;
};

}  // namespace ditmill::jobs::results

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "jobs/results/export/picture.h"

namespace ditmill::jobs::watch {

/// Frames of a clip side by side in one JPEG picture.
struct Sprite {
  int width = 0;  ///< of one frame
  int height = 0;
  int frames = 0;
  std::string jpeg = {};
};

/// Frames of a clip, by index.
using FrameSource = std::function<results::Picture(std::int64_t index)>;

/// Makes sprites that together keep to a budget: while there is room, up to 16 frames 320 pixels wide; the
/// more items, the smaller and fewer.
class ThumbnailMaker {
 public:
  /// Bytes of the sprites of so many items: more for more of them, up to 90 MB (as base64 120 MB of a page).
  static std::uint64_t budget(std::size_t items) noexcept;
  /// More items than that get no smaller sprites, but are left out.
  static constexpr std::size_t most_items = 20'000;

  ThumbnailMaker(std::size_t items, std::uint64_t bytes) : left_items_(items), left_bytes_(bytes) {}

  /// The next item's sprite, of a clip of at least one frame. Throws what `frames` throws.
  Sprite make(std::int64_t count, const FrameSource& frames);
  /// Goes on to the next item, whether this one got a sprite or not.
  void next() noexcept;
  /// Whether some sprites became smaller than the largest for want of room.
  bool shrank() const noexcept { return shrank_; }

 private:
  std::size_t left_items_;
  std::uint64_t left_bytes_;
  std::size_t level_ = 0;
  bool shrank_ = false;
};

}  // namespace ditmill::jobs::watch

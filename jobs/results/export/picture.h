#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::results {

/// A picture of 8-bit red, green, blue.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb = {};  ///< height * width * 3

  /// A picture of one grey level.
  static Picture blank(int width, int height, std::uint8_t level);
};

/// The picture in at most `side` pixels a side, each the mean of those that it covers. A small picture is
/// made larger by a whole factor as long as it fits.
Picture fitted(const Picture& picture, int side);
/// The picture in width x height pixels, no more than it has, each the mean of those that it covers.
Picture shrunk(const Picture& picture, int width, int height);
/// Copies a picture into another; what lies outside is cut off.
void paste(Picture& into, const Picture& picture, int x, int y);
/// Draws ASCII text in a 5x7 font, `scale` pixels a dot; other characters become '?'.
void draw_text(Picture& into, std::string_view text, int x, int y, int scale, std::uint8_t level);
/// Pixels that one character takes, with the gap behind it.
constexpr int character_width(int scale) noexcept { return 6 * scale; }
constexpr int character_height(int scale) noexcept { return 7 * scale; }

}  // namespace ditmill::jobs::results

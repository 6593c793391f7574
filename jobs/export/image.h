#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs {

/// An RGB picture, 8 bits a channel, rows from the top.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width * 3

  /// A picture of one grey level.
  static Image filled(int width, int height, std::uint8_t level);
  /// Copies `other` to (left, top); it must lie within this picture.
  void paste(const Image& other, int left, int top);
  /// Writes text in a 5x7 font, dark, its top left corner at (left, top); what does not fit in `width` pixels
  /// is left out. Letters, digits and the signs of ids are drawn, other characters as blanks.
  void write(std::string_view text, int left, int top, int width);
};

/// The picture made smaller by averaging, to at most `most` pixels on its longer side; never larger.
Image thumbnail(const Image& image, int most);

}  // namespace ditmill::jobs

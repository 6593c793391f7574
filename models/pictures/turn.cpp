#include "models/pictures/turn.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ditmill::models::pictures {

Picture turned(Picture picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const std::ptrdiff_t width = picture.width;
  const std::ptrdiff_t height = picture.height;
  // Where the first pixel comes from, and how far the next of a row and of a column are from it.
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool across_is_down = orientation >= 5;
  const std::ptrdiff_t first = (from_right ? width - 1 : 0) + (from_below ? (height - 1) * width : 0);
  const std::ptrdiff_t along = from_right ? -1 : 1;
  const std::ptrdiff_t down = from_below ? -width : width;
  Picture out{picture.width, picture.height, {}};
  if (across_is_down) std::swap(out.width, out.height);
  out.rgb.resize(picture.rgb.size());
  const std::ptrdiff_t next_x = across_is_down ? down : along;
  const std::ptrdiff_t next_y = across_is_down ? along : down;
  auto to = out.rgb.begin();
  for (std::ptrdiff_t y = 0; y < out.height; ++y) {
    std::ptrdiff_t from = 3 * (first + y * next_y);
    for (std::ptrdiff_t x = 0; x < out.width; ++x, from += 3 * next_x) {
      to = std::copy_n(picture.rgb.begin() + from, 3, to);
    }
  }
  return out;
}

}  // namespace ditmill::models::pictures

#include "jobs/results/export/picture.h"

#include <algorithm>

#include "jobs/results/export/font.h"

namespace ditmill::jobs::results {
namespace {

std::size_t offset_of(const Picture& picture, int x, int y) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
          static_cast<std::size_t>(x)) *
         3;
}

Picture enlarged(const Picture& picture, int factor) {
  Picture large = Picture::blank(picture.width * factor, picture.height * factor, 0);
  for (int y = 0; y < large.height; ++y) {
    for (int x = 0; x < large.width; ++x) {
      std::copy_n(
          picture.rgb.begin() + static_cast<std::ptrdiff_t>(offset_of(picture, x / factor, y / factor)), 3,
          large.rgb.begin() + static_cast<std::ptrdiff_t>(offset_of(large, x, y)));
    }
  }
  return large;
}

/// Where pixel `index` of `count` begins among `length` pixels.
int edge(int index, int count, int length) {
  return static_cast<int>(static_cast<std::int64_t>(index) * length / count);
}

}  // namespace

Picture Picture::blank(int width, int height, std::uint8_t level) {
  const auto bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  return {.width = width, .height = height, .rgb = std::vector<std::uint8_t>(bytes, level)};
}

Picture shrunk(const Picture& picture, int width, int height) {
  Picture small = Picture::blank(width, height, 0);
  for (int y = 0; y < height; ++y) {
    const int top = edge(y, height, picture.height);
    const int bottom = edge(y + 1, height, picture.height);
    for (int x = 0; x < width; ++x) {
      const int left = edge(x, width, picture.width);
      const int right = edge(x + 1, width, picture.width);
      const auto area = static_cast<std::uint64_t>(bottom - top) * static_cast<std::uint64_t>(right - left);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        std::uint64_t sum = area / 2;
        for (int row = top; row < bottom; ++row) {
          for (int column = left; column < right; ++column) {
            sum += picture.rgb[offset_of(picture, column, row) + channel];
          }
        }
        small.rgb[offset_of(small, x, y) + channel] = static_cast<std::uint8_t>(sum / area);
      }
    }
  }
  return small;
}

Picture fitted(const Picture& picture, int side) {
  const int longest = std::max(picture.width, picture.height);
  if (longest <= side) return enlarged(picture, side / longest);
  const auto scaled = [side, longest](int extent) { return std::max(1, edge(extent, longest, side)); };
  return shrunk(picture, scaled(picture.width), scaled(picture.height));
}

void paste(Picture& into, const Picture& picture, int x, int y) {
  const int left = std::max(0, -x);
  const int right = std::min(picture.width, into.width - x);
  if (left >= right) return;
  for (int row = std::max(0, -y); row < std::min(picture.height, into.height - y); ++row) {
    std::copy_n(picture.rgb.begin() + static_cast<std::ptrdiff_t>(offset_of(picture, left, row)),
                (right - left) * 3,
                into.rgb.begin() + static_cast<std::ptrdiff_t>(offset_of(into, x + left, y + row)));
  }
}

void draw_text(Picture& into, std::string_view text, int x, int y, int scale, std::uint8_t level) {
  const Picture dot = Picture::blank(scale, scale, level);
  for (const char character : text) {
    const font::Glyph& glyph = font::glyph(character);
    for (int column = 0; column < font::columns; ++column) {
      for (int row = 0; row < font::rows; ++row) {
        if ((glyph[static_cast<std::size_t>(column)] >> row & 1) == 0) continue;
        paste(into, dot, x + column * scale, y + row * scale);
      }
    }
    x += character_width(scale);
  }
}

}  // namespace ditmill::jobs::results

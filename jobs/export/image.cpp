#include "jobs/export/image.h"

#include <algorithm>

#include "jobs/export/font.h"

namespace ditmill::jobs {
namespace {

constexpr int channels = 3;
constexpr std::uint8_t ink = 40;

std::size_t offset(const Image& image, int x, int y) {
  return (static_cast<std::size_t>(y) * image.width + x) * channels;
}

}  // namespace

Image Image::filled(int width, int height, std::uint8_t level) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * channels, level)};
}

void Image::paste(const Image& other, int left, int top) {
  const auto row_bytes = static_cast<std::ptrdiff_t>(other.width) * channels;
  for (int y = 0; y < other.height; ++y) {
    const auto from = other.pixels.begin() + static_cast<std::ptrdiff_t>(offset(other, 0, y));
    std::copy(from, from + row_bytes,
              pixels.begin() + static_cast<std::ptrdiff_t>(offset(*this, left, top + y)));
  }
}

void Image::write(std::string_view text, int left, int top, int width) {
  int x = left;
  for (const char character : text) {
    if (x + glyph_width > left + width) return;
    const Glyph glyph = glyph_of(character);
    for (int column = 0; column < glyph_width; ++column) {
      for (int row = 0; row < glyph_height; ++row) {
        if ((glyph[column] >> row & 1) == 0) continue;
        std::fill_n(pixels.begin() + static_cast<std::ptrdiff_t>(offset(*this, x + column, top + row)),
                    channels, ink);
      }
    }
    x += glyph_width + 1;
  }
}

Image thumbnail(const Image& image, int most) {
  const int longer = std::max(image.width, image.height);
  if (longer <= most) return image;
  Image small =
      Image::filled(std::max(1, image.width * most / longer), std::max(1, image.height * most / longer), 0);
  for (int y = 0; y < small.height; ++y) {
    const int y_begin = y * image.height / small.height;
    const int y_end = (y + 1) * image.height / small.height;
    for (int x = 0; x < small.width; ++x) {
      const int x_begin = x * image.width / small.width;
      const int x_end = (x + 1) * image.width / small.width;
      for (int channel = 0; channel < channels; ++channel) {
        unsigned sum = 0;
        for (int source_y = y_begin; source_y < y_end; ++source_y) {
          for (int source_x = x_begin; source_x < x_end; ++source_x) {
            sum += image.pixels[offset(image, source_x, source_y) + channel];
          }
        }
        const auto count = static_cast<unsigned>((y_end - y_begin) * (x_end - x_begin));
        small.pixels[offset(small, x, y) + channel] = static_cast<std::uint8_t>((sum + count / 2) / count);
      }
    }
  }
  return small;
}

}  // namespace ditmill::jobs

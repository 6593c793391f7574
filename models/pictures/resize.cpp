#include "models/pictures/resize.h"

#include <algorithm>
#include <array>
#include <string>

#include "configs/error.h"
#include "models/pictures/resample_weights.h"

namespace ditmill::models::pictures {
namespace {

constexpr const char* resizing = "resize a picture";
constexpr std::int32_t half = 1 << (weight_bits - 1);

std::uint8_t as_level(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255));
}

/// The rows first_row .. first_row + rows of `in`, each stretched.
Picture stretched_across(const Picture& in, const ResampleWeights& weights, std::size_t first_row,
                         std::size_t rows) {
  Picture out{static_cast<int>(weights.size()), static_cast<int>(rows), {}};
  out.rgb.resize(rgb_bytes(out.width, out.height));
  std::uint8_t* to = out.rgb.data();
  for (std::size_t y = first_row; y < first_row + rows; ++y) {
    const std::uint8_t* row = in.rgb.data() + y * static_cast<std::size_t>(in.width) * 3;
    for (std::size_t pixel = 0; pixel < weights.size(); ++pixel, to += 3) {
      const std::uint8_t* from = row + weights.first(pixel) * 3;
      std::int32_t red = half;
      std::int32_t green = half;
      std::int32_t blue = half;
      for (const std::int32_t weight : weights.of(pixel)) {
        red += from[0] * weight;
        green += from[1] * weight;
        blue += from[2] * weight;
        from += 3;
      }
      to[0] = as_level(red);
      to[1] = as_level(green);
      to[2] = as_level(blue);
    }
  }
  return out;
}

/// Sums of Values neighbours in a row: constant, so that the compiler makes vectors of them.
template <std::size_t Values>
void sum_down(const std::uint8_t* from, std::size_t row_bytes, std::span<const std::int32_t> weights,
              std::uint8_t* to) {
  std::array<std::int32_t, Values> sums{};
  sums.fill(half);
  for (const std::int32_t weight : weights) {
    for (std::size_t i = 0; i < Values; ++i) sums[i] += from[i] * weight;
    from += row_bytes;
  }
  for (std::size_t i = 0; i < Values; ++i) to[i] = as_level(sums[i]);
}

/// The columns first_column .. first_column + columns of `in`, each stretched; row `first_row` of what the
/// weights mean is row 0 of `in`.
Picture stretched_down(const Picture& in, const ResampleWeights& weights, std::size_t first_row,
                       std::size_t first_column, std::size_t columns) {
  constexpr std::size_t block = 32;
  Picture out{static_cast<int>(columns), static_cast<int>(weights.size()), {}};
  out.rgb.resize(rgb_bytes(out.width, out.height));
  const std::size_t row_bytes = static_cast<std::size_t>(in.width) * 3;
  const std::size_t wanted = columns * 3;
  for (std::size_t y = 0; y < weights.size(); ++y) {
    const std::uint8_t* from = in.rgb.data() + (weights.first(y) - first_row) * row_bytes + first_column * 3;
    std::uint8_t* to = out.rgb.data() + y * wanted;
    std::size_t x = 0;
    for (; x + block <= wanted; x += block) sum_down<block>(from + x, row_bytes, weights.of(y), to + x);
    for (; x < wanted; ++x) sum_down<1>(from + x, row_bytes, weights.of(y), to + x);
  }
  return out;
}

void require_part(const Stretch& stretch) {
  if (stretch.begin >= 0 && stretch.begin < stretch.end && stretch.end <= stretch.size) return;
  throw Error(Category::internal, resizing, {}, Expected{"some pixels of those that a side comes to"},
              Got{std::to_string(stretch.begin) + " .. " + std::to_string(stretch.end) + " of " +
                  std::to_string(stretch.size)});
}

}  // namespace

Picture resize(const Picture& picture, int width, int height, Filter filter) {
  return resize_part(picture, {width, 0, width}, {height, 0, height}, filter);
}

Picture resize_part(const Picture& picture, const Stretch& across, const Stretch& down, Filter filter) {
  require_pixels(picture, resizing);
  require_part(across);
  require_part(down);
  const auto untouched = [](const Stretch& stretch, int side) {
    return stretch.size == side && stretch.begin == 0 && stretch.end == side;
  };
  const bool keeps_width = untouched(across, picture.width);
  const bool keeps_height = untouched(down, picture.height);
  if (keeps_width && keeps_height) return picture;
  const ResampleWeights columns(picture.width, across, filter);
  const ResampleWeights rows(picture.height, down, filter);
  if (keeps_height) return stretched_across(picture, columns, 0, static_cast<std::size_t>(picture.height));
  if (keeps_width) return stretched_down(picture, rows, 0, 0, static_cast<std::size_t>(picture.width));
  const std::int64_t lost_rows = picture.height - down.size;
  const std::int64_t lost_columns = picture.width - across.size;
  if (lost_rows > 0 && lost_rows > 2 * lost_columns) {
    const Picture whole = stretched_down(picture, rows, 0, 0, static_cast<std::size_t>(picture.width));
    return stretched_across(whole, columns, 0, rows.size());
  }
  const Picture narrow = stretched_across(picture, columns, rows.lowest(), rows.highest() - rows.lowest());
  return stretched_down(narrow, rows, rows.lowest(), 0, columns.size());
}

}  // namespace ditmill::models::pictures

#include "models/kernels/cpu/products.h"

#include <ATen/native/CPUBlas.h>

#include <algorithm>

namespace ditmill::models::kernels::cpu {
namespace {

constexpr std::int64_t rows_at_once = 128;  // by oneDNN

/// Rows of bfloat16 as rows of half as many words.
Rows<const float> in_pairs(const Rows<const std::uint16_t>& rows) {
  return {reinterpret_cast<const float*>(rows.data), rows.stride / 2};
}

}  // namespace

template <typename Number>
std::int64_t Products<Number>::packed_words(std::int64_t columns, std::int64_t depth) const noexcept {
  return rounded_up(columns, level_.tile_columns) * (widens() ? depth : (depth + 1) / 2);
}

template <typename Number>
std::int64_t Products<Number>::spare_words(std::int64_t depth) const noexcept {
  return level_.tile_rows * rounded_up(depth, 2);
}

template <typename Number>
void Products<Number>::pack_columns(Rows<const Number> from, std::int64_t columns, std::int64_t depth,
                                    float* packed) const {
  if constexpr (sizeof(Number) != sizeof(float)) {
    if (!widens()) {
      const Rows<const float> pairs = in_pairs(from);
      level_.float32.pack_as_columns(pairs.data, pairs.stride, columns, depth / 2, packed);
      return;
    }
  }
  level_.of<Number>().pack_as_columns(from.data, from.stride, columns, depth, packed);
}

template <typename Number>
void Products<Number>::pack_rows(Rows<const Number> from, std::int64_t depth, std::int64_t columns,
                                 float* packed) const {
  if constexpr (sizeof(Number) != sizeof(float)) {
    if (!widens()) return level_.pack_row_pairs(from.data, from.stride, depth, columns, packed);
  }
  level_.of<Number>().pack_as_rows(from.data, from.stride, depth, columns, packed);
}

template <typename Number>
void Products<Number>::add(Rows<const Number> x, std::int64_t rows, std::int64_t depth, const float* packed,
                           std::int64_t columns, Rows<float> sums, bool add, float* spare) const {
  const std::int64_t panel_words = packed_words(level_.tile_columns, depth);
  const std::int64_t spare_stride = rounded_up(depth, 2);
  if constexpr (sizeof(Number) != sizeof(float)) {
    if (!widens() && level_.products == Bfloat16::tiles) {
      for (std::int64_t row = 0; row < rows; row += rows_at_once) {
        for (std::int64_t column = 0; column < columns; column += level_.tile_columns) {
          at::native::cpublas::brgemm(
              std::min(rows_at_once, rows - row), level_.tile_columns, rounded_up(depth, 2), x.stride,
              level_.tile_columns, sums.stride, add, reinterpret_cast<const at::BFloat16*>(x[row]),
              reinterpret_cast<const at::BFloat16*>(packed + column / level_.tile_columns * panel_words),
              sums[row] + column);
        }
      }
      return;
    }
  }
  for (std::int64_t row = 0; row < rows; row += level_.tile_rows) {
    const std::int64_t here = std::min<std::int64_t>(level_.tile_rows, rows - row);
    const bool whole = here == level_.tile_rows;
    Rows<const float> wide{spare, spare_stride};
    Rows<const Number> narrow{x[row], x.stride};
    if constexpr (sizeof(Number) == sizeof(float)) {
      if (whole) wide = narrow;
    }
    if (wide.data == spare && (widens() || !whole)) {
      for (std::int64_t i = 0; i < here; ++i) {
        if (widens()) {
          level_.of<Number>().widen(x[row + i], depth, spare + i * spare_stride);
        } else {
          std::copy_n(x[row + i], spare_stride, reinterpret_cast<Number*>(spare) + i * spare_stride);
        }
      }
      if (!widens()) narrow = {reinterpret_cast<const Number*>(spare), spare_stride};
    }
    const float* panel = packed;
    for (std::int64_t column = 0; column < columns; column += level_.tile_columns, panel += panel_words) {
      float* const to = sums[row] + column;
      if constexpr (sizeof(Number) != sizeof(float)) {
        if (!widens()) {
          level_.tile_of_pairs((depth + 1) / 2, narrow.data, narrow.stride, panel, to, sums.stride, add);
          continue;
        }
      }
      level_.tile(depth, wide.data, wide.stride, panel, to, sums.stride, add);
    }
  }
}

void leave_products(const Level& level) {
  if (level.products == Bfloat16::tiles) at::native::cpublas::brgemm_release();
}

template class Products<float>;
template class Products<std::uint16_t>;

}  // namespace ditmill::models::kernels::cpu

#pragma once

#include "models/kernels/cpu/level.h"
#include "models/kernels/cpu/pack.h"
#include "models/kernels/cpu/rows.h"
#include "models/kernels/cpu/tile.h"

namespace ditmill::models::kernels::cpu {

/// The kernels of a level whose tiles are as wide as so many of its lanes.
template <typename Lanes, typename Number, int Vectors>
constexpr NumberKernels<Number> number_kernels() {
  return {
      .pack_as_columns =
          [](const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t depth, float* to) {
            pack_as_columns<Lanes>(from, stride, rows, depth, 16 * Vectors, to);
          },
      .pack_as_rows = [](const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t numbers,
                         float* to) { pack_as_rows<Lanes>(from, stride, rows, numbers, 16 * Vectors, to); },
      .widen = &widen<Lanes, Number>,
      .end_row = &end_row<Lanes, Number>,
      .soften_row = &soften_row<Lanes, Number>,
      .divide_row = &divide_row<Lanes, Number>,
      .norm_row = &norm_row<Lanes, Number>,
      .sum_of_squares = &sum_of_squares<Lanes, Number>,
      .rotate_row = &rotate_row<Lanes, Number>,
      .gated_sum_row = &gated_sum_row<Lanes, Number>,
  };
}

template <typename Lanes, int Rows, int Vectors>
constexpr Level level_of(std::string_view name) {
  return {.name = name,
          .tile_rows = Rows,
          .tile_columns = 16 * Vectors,
          .tile = &multiply_tile<Lanes, Rows, Vectors>,
          .pack_row_pairs =
              [](const std::uint16_t* from, std::int64_t stride, std::int64_t rows, std::int64_t numbers,
                 float* to) { pack_row_pairs<Lanes>(from, stride, rows, numbers, 16 * Vectors, to); },
          .multiply_row = &multiply_row<Lanes>,
          .float32 = number_kernels<Lanes, float, Vectors>(),
          .bfloat16 = number_kernels<Lanes, std::uint16_t, Vectors>()};
}

}  // namespace ditmill::models::kernels::cpu

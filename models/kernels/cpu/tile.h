#pragma once

#include <cstdint>

namespace ditmill::models::kernels::cpu {

/// c [Rows, 16 * Vectors] = or += a [Rows, depth] times b [depth, 16 * Vectors], a panel: each number a chain
/// of fma()s over depth from zero, so that no tile's size shows in it. `Rows` is a multiple of three.
template <typename Lanes, int Rows, int Vectors>
void multiply_tile(std::int64_t depth, const float* a, std::int64_t a_stride, const float* b, float* c,
                   std::int64_t c_stride, bool add) {
  constexpr int threes = Rows / 3;
  Lanes sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[row][v] = Lanes::zero();
  }
  // Three rows a pointer: as many pointers as rows would not fit into registers.
  const float* rows[threes];
#pragma GCC unroll 16
  for (int i = 0; i < threes; ++i) rows[i] = a + 3 * i * a_stride;
  for (std::int64_t k = 0; k < depth; ++k) {
    Lanes of_b[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) of_b[v] = Lanes::load(b + 16 * v);
    b += 16 * Vectors;
#pragma GCC unroll 16
    for (int row = 0; row < Rows; ++row) {
      const Lanes of_a = Lanes::all(rows[row / 3][(row % 3) * a_stride]);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sum[row][v] = fma(of_a, of_b[v], sum[row][v]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < threes; ++i) ++rows[i];
  }
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      float* const to = c + row * c_stride + 16 * v;
      (add ? Lanes::load(to) + sum[row][v] : sum[row][v]).store(to);
    }
  }
}

}  // namespace ditmill::models::kernels::cpu

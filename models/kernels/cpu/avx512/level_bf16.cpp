// Compiled for AVX-512 and its bfloat16: nothing that other files share may be instantiated here.
#include "models/kernels/cpu/avx512/lanes.h"
#include "models/kernels/cpu/kernels_of.h"

namespace ditmill::models::kernels::cpu::avx512 {
namespace {

constexpr int rows = 12;
constexpr int vectors = 2;

__m512 fused(__m512 sum, std::uint32_t pair, __m512 pairs) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(pair)), (__m512bh)pairs);
}

/// Level::tile_of_pairs.
void multiply_tile_of_pairs(std::int64_t pairs, const std::uint16_t* a, std::int64_t a_stride, const float* b,
                            float* c, std::int64_t c_stride, bool add) {
  __m512 sum[rows][vectors];
#pragma GCC unroll 12
  for (int row = 0; row < rows; ++row) sum[row][0] = sum[row][1] = _mm512_setzero_ps();
  const std::uint16_t* threes[rows / 3];
#pragma GCC unroll 4
  for (int i = 0; i < rows / 3; ++i) threes[i] = a + 3 * i * a_stride;
  for (std::int64_t k = 0; k < pairs; ++k, b += 16 * vectors) {
    const __m512 left = _mm512_loadu_ps(b);
    const __m512 right = _mm512_loadu_ps(b + 16);
#pragma GCC unroll 12
    for (int row = 0; row < rows; ++row) {
      std::uint32_t pair = 0;
      __builtin_memcpy(&pair, threes[row / 3] + (row % 3) * a_stride, sizeof pair);
      sum[row][0] = fused(sum[row][0], pair, left);
      sum[row][1] = fused(sum[row][1], pair, right);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows / 3; ++i) threes[i] += 2;
  }
#pragma GCC unroll 12
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      float* const to = c + row * c_stride + 16 * v;
      _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum[row][v]) : sum[row][v]);
    }
  }
}

constexpr Level with(Bfloat16 products, std::string_view name) {
  Level level = level_of<Lanes, rows, vectors>(name);
  level.products = products;
  if (products == Bfloat16::pairs) level.tile_of_pairs = &multiply_tile_of_pairs;
  return level;
}

constexpr Level of_pairs = with(Bfloat16::pairs, "avx512-bf16");
constexpr Level of_tiles = with(Bfloat16::tiles, "amx");

}  // namespace

const Level& level_of_pairs() { return of_pairs; }
const Level& level_of_tiles() { return of_tiles; }

}  // namespace ditmill::models::kernels::cpu::avx512

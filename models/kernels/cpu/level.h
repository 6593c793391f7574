#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ditmill::models::kernels::cpu {

/// Rows of numbers that follow each other at a stride.
template <typename Number>
struct Rows {
  Number* data = nullptr;
  std::int64_t stride = 0;

  Number* operator[](std::int64_t row) const { return data + row * stride; }
};

/// What becomes of a row of a layer's sums: act(sums + bias), rounded once.
template <typename Number>
struct RowEnd {
  const float* bias = nullptr;  ///< null: none
  bool gelu = false;            ///< by tanh
  Number* out = nullptr;
};

/// How far the softmax of a row has come, in powers of two.
struct SoftRow {
  float most = -__builtin_huge_valf();  ///< of the scores so far
  float sum = 0;                        ///< of 2^(score - most)
};

/// What a level does with numbers of one type: float, or bfloat16 as its sixteen bits.
template <typename Number>
struct NumberKernels {
  /// Rows of numbers, `depth` of each, as float32 columns of panels as wide as a tile.
  void (*pack_as_columns)(const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t depth,
                          float* to);
  /// The same of rows as they lie.
  void (*pack_as_rows)(const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t numbers,
                       float* to);
  void (*widen)(const Number* from, std::int64_t count, float* to);
  void (*end_row)(const float* sums, std::int64_t count, const RowEnd<Number>& end);
  /// Weights 2^(scale * score - row.most) of some more keys; returns by what to multiply what those before
  /// have given. The sum is of weights as they are, before they are rounded.
  float (*soften_row)(const float* scores, std::int64_t count, float scale, SoftRow& row, Number* weights);
  void (*divide_row)(const float* row, std::int64_t count, float divisor, Number* to);
  /// (x - mean) / sqrt(variance + eps) * scale + shift.
  void (*norm_row)(const Number* x, std::int64_t count, float eps, const float* scale, const float* shift,
                   Number* out);
  float (*sum_of_squares)(const Number* x, std::int64_t count);
  /// x * factor * weight, of each head neighbouring pairs (2i, 2i + 1) turned by the angles whose cosines and
  /// sines [width / 2] are given; null: none are.
  void (*rotate_row)(const Number* x, std::int64_t heads, std::int64_t width, float factor,
                     const float* weight, const float* cos, const float* sin, Number* out);
  /// x + y * gate.
  void (*gated_sum_row)(const Number* x, const Number* y, const float* gate, std::int64_t count, Number* out);
};

/// How a level multiplies bfloat16: widened to float32, or by instructions that take pairs of them.
enum class Bfloat16 {
  widened,
  pairs,  ///< AVX512-BF16
  tiles,  ///< AMX, by oneDNN
};

/// The kernels of a kind of CPU. In float32 all levels give the same bits: each number is made by the same
/// operations in the same order, on sixteen lanes.
struct Level {
  std::string_view name;
  int tile_rows = 0;
  int tile_columns = 0;
  /// c [tile_rows, tile_columns] = or += a [tile_rows, depth] times a panel b [depth, tile_columns].
  void (*tile)(std::int64_t depth, const float* a, std::int64_t a_stride, const float* b, float* c,
               std::int64_t c_stride, bool add);
  Bfloat16 products = Bfloat16::widened;
  /// tile() of pairs of bfloat16, each pair a word of b; null without Bfloat16::pairs.
  void (*tile_of_pairs)(std::int64_t pairs, const std::uint16_t* a, std::int64_t a_stride, const float* b,
                        float* c, std::int64_t c_stride, bool add) = nullptr;
  /// NumberKernels::pack_as_rows of two rows at once, as pairs; a row that is missing is of zeros.
  void (*pack_row_pairs)(const std::uint16_t* from, std::int64_t stride, std::int64_t rows,
                         std::int64_t numbers, float* to);
  void (*multiply_row)(float* row, std::int64_t count, float factor);
  NumberKernels<float> float32;
  NumberKernels<std::uint16_t> bfloat16;

  template <typename Number>
  const NumberKernels<Number>& of() const {
    if constexpr (sizeof(Number) == sizeof(float)) {
      return float32;
    } else {
      return bfloat16;
    }
  }
};

/// The levels that this CPU has, as far as oneDNN may use them (ONEDNN_MAX_CPU_ISA caps it), the best first.
/// None: it has not even AVX2.
std::vector<const Level*> levels_here();

namespace avx2 {
const Level& level();
}
namespace avx512 {
const Level& level();
/// Of CPUs that multiply bfloat16.
const Level& level_of_pairs();
const Level& level_of_tiles();
}  // namespace avx512

}  // namespace ditmill::models::kernels::cpu

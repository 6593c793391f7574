#pragma once

#include <immintrin.h>

#include <cstdint>

namespace ditmill::models::kernels::cpu {

/// Eight numbers in float32. `Level` keeps the code of files apart that are compiled for different CPUs.
template <typename Level>
inline __m256 eight(const float* from) {
  return _mm256_loadu_ps(from);
}
template <typename Level>
inline __m256 eight(const std::uint16_t* from) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
template <typename Level>
inline float one(const float* from) {
  float number = 0;
  __builtin_memcpy(&number, from, sizeof number);  // it may be a pair
  return number;
}
template <typename Level>
inline float one(const std::uint16_t* from) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(*from) << 16);
}

/// Eight rows of eight numbers to eight columns: to[k * to_stride + row].
template <typename Level, typename Number>
inline void transpose_eight(const Number* from, std::int64_t stride, float* to, std::int64_t to_stride) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = eight<Level>(from + i * stride);
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xEE);
    r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

/// Rows of numbers, `depth` of each, as columns of panels of `width` (a multiple of eight): of panel p,
/// to[(p * depth + k) * width + column]. Columns that there are no rows for become zeros.
template <typename Level, typename Number>
void pack_as_columns(const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t depth,
                     int width, float* to) {
  for (std::int64_t panel = 0; panel < rows; panel += width, to += depth * width) {
    for (int column = 0; column < width; column += 8) {
      const std::int64_t here = rows - panel - column;
      const Number* const block = from + (panel + column) * stride;
      std::int64_t k = 0;
      if (here >= 8) {
        for (; k + 8 <= depth; k += 8)
          transpose_eight<Level>(block + k, stride, to + k * width + column, width);
      }
      for (; k < depth; ++k) {
        for (int i = 0; i < 8; ++i)
          to[k * width + column + i] = i < here ? one<Level>(block + i * stride + k) : 0.0F;
      }
    }
  }
}

/// Rows as they lie, in panels of `width` of their numbers: of panel p, to[(p * rows + row) * width +
/// number].
template <typename Level, typename Number>
void pack_as_rows(const Number* from, std::int64_t stride, std::int64_t rows, std::int64_t numbers, int width,
                  float* to) {
  for (std::int64_t panel = 0; panel < numbers; panel += width) {
    for (std::int64_t row = 0; row < rows; ++row, to += width) {
      const Number* const here = from + row * stride + panel;
      for (int column = 0; column < width; column += 8) {
        const std::int64_t left = numbers - panel - column;
        if (left >= 8) {
          _mm256_storeu_ps(to + column, eight<Level>(here + column));
        } else {
          for (int i = 0; i < 8; ++i) to[column + i] = i < left ? one<Level>(here + column + i) : 0.0F;
        }
      }
    }
  }
}

/// Eight words of a pair each.
template <typename Level>
inline __m256 eight_pairs(const std::uint16_t* low, const std::uint16_t* high) {
  const auto widened = [](const std::uint16_t* from) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  };
  return _mm256_castsi256_ps(_mm256_or_si256(widened(low), _mm256_slli_epi32(widened(high), 16)));
}

/// pack_as_rows() of two rows at once, as pairs of bfloat16; a row that is missing is of zeros.
template <typename Level>
void pack_row_pairs(const std::uint16_t* from, std::int64_t stride, std::int64_t rows, std::int64_t numbers,
                    int width, float* to) {
  for (std::int64_t panel = 0; panel < numbers; panel += width) {
    for (std::int64_t row = 0; row < rows; row += 2, to += width) {
      for (int column = 0; column < width; column += 8) {
        const std::uint16_t* const even = from + row * stride + panel + column;
        const std::int64_t left = numbers - panel - column;
        if (left >= 8 && row + 1 < rows) {
          _mm256_storeu_ps(to + column, eight_pairs<Level>(even, even + stride));
          continue;
        }
        std::uint16_t low[8] = {}, high[8] = {};
        for (int i = 0; i < 8 && i < left; ++i) {
          low[i] = even[i];
          if (row + 1 < rows) high[i] = even[i + stride];
        }
        _mm256_storeu_ps(to + column, eight_pairs<Level>(low, high));
      }
    }
  }
}

}  // namespace ditmill::models::kernels::cpu

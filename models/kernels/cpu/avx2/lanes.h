#pragma once

#include <immintrin.h>

#include <cstdint>

namespace ditmill::models::kernels::cpu::avx2 {

/// Sixteen float32 lanes in two registers.
struct Lanes {
  __m256 low, high;

  static Lanes zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Lanes all(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static Lanes load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static Lanes load(const std::uint16_t* from) { return {widened(from), widened(from + 8)}; }
  void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }
  /// As bfloat16, rounded to the nearest, ties to even; NaN stays NaN.
  void store(std::uint16_t* to) const {
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(narrowed(low), narrowed(high)), 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), packed);
  }
  /// y * 2^n for whole numbers n from -126 to 127 and products in float32's normal range.
  static Lanes scaled(const Lanes& y, const Lanes& n) {
    return {_mm256_mul_ps(y.low, power_of_two(n.low)), _mm256_mul_ps(y.high, power_of_two(n.high))};
  }

  friend Lanes operator+(const Lanes& a, const Lanes& b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  friend Lanes operator-(const Lanes& a, const Lanes& b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  friend Lanes operator*(const Lanes& a, const Lanes& b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  friend Lanes operator/(const Lanes& a, const Lanes& b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  /// a * b + c, rounded once.
  friend Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  friend Lanes max(const Lanes& a, const Lanes& b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  friend Lanes min(const Lanes& a, const Lanes& b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  /// 1, 0, 3, 2, ...
  friend Lanes swapped_pairs(const Lanes& a) {
    return {_mm256_permute_ps(a.low, 0xB1), _mm256_permute_ps(a.high, 0xB1)};
  }
  friend Lanes nearest(const Lanes& a) {
    constexpr int to_nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.low, to_nearest), _mm256_round_ps(a.high, to_nearest)};
  }

 private:
  static __m256 widened(const std::uint16_t* from) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static __m256i narrowed(__m256 x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, is_nan), 16);
  }
  static __m256 power_of_two(__m256 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
};

}  // namespace ditmill::models::kernels::cpu::avx2

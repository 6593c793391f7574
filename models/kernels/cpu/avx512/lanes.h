#pragma once

#include <immintrin.h>

#include <cstdint>

namespace ditmill::models::kernels::cpu::avx512 {
#ifdef __AVX512BF16__
inline namespace with_bfloat16 {  // not the code of other files
#endif

/// Sixteen float32 lanes in one register; each operation gives the bits of avx2::Lanes.
struct Lanes {
  __m512 all_lanes;

  static Lanes zero() { return {_mm512_setzero_ps()}; }
  static Lanes all(float value) { return {_mm512_set1_ps(value)}; }
  static Lanes load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static Lanes load(const std::uint16_t* from) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
  }
  void store(float* to) const { _mm512_storeu_ps(to, all_lanes); }
  /// As bfloat16, rounded to the nearest, ties to even; NaN stays NaN.
  void store(std::uint16_t* to) const {
#ifdef __AVX512BF16__
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(all_lanes));
#else
    const __m512i bits = _mm512_castps_si512(all_lanes);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(all_lanes, all_lanes, _CMP_UNORD_Q);
    const __m512i halves = _mm512_srli_epi32(_mm512_mask_blend_epi32(is_nan, rounded, quiet), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(halves));
#endif
  }
  /// y * 2^n for whole numbers n from -126 to 127 and products in float32's normal range.
  static Lanes scaled(const Lanes& y, const Lanes& n) { return {_mm512_scalef_ps(y.all_lanes, n.all_lanes)}; }

  friend Lanes operator+(const Lanes& a, const Lanes& b) { return {_mm512_add_ps(a.all_lanes, b.all_lanes)}; }
  friend Lanes operator-(const Lanes& a, const Lanes& b) { return {_mm512_sub_ps(a.all_lanes, b.all_lanes)}; }
  friend Lanes operator*(const Lanes& a, const Lanes& b) { return {_mm512_mul_ps(a.all_lanes, b.all_lanes)}; }
  friend Lanes operator/(const Lanes& a, const Lanes& b) { return {_mm512_div_ps(a.all_lanes, b.all_lanes)}; }
  /// a * b + c, rounded once.
  friend Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
    return {_mm512_fmadd_ps(a.all_lanes, b.all_lanes, c.all_lanes)};
  }
  friend Lanes max(const Lanes& a, const Lanes& b) { return {_mm512_max_ps(a.all_lanes, b.all_lanes)}; }
  friend Lanes min(const Lanes& a, const Lanes& b) { return {_mm512_min_ps(a.all_lanes, b.all_lanes)}; }
  /// 1, 0, 3, 2, ...
  friend Lanes swapped_pairs(const Lanes& a) { return {_mm512_permute_ps(a.all_lanes, 0xB1)}; }
  friend Lanes nearest(const Lanes& a) {
    return {_mm512_roundscale_ps(a.all_lanes, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
};

#ifdef __AVX512BF16__
}  // namespace with_bfloat16
#endif
}  // namespace ditmill::models::kernels::cpu::avx512

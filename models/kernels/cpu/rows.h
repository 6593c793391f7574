#pragma once

#include <cstddef>
#include <cstdint>

#include "models/kernels/cpu/level.h"

namespace ditmill::models::kernels::cpu {

/// Sixteen numbers or, at the end of a row, those that are left, and others in place of more.
template <typename Lanes, typename Number>
Lanes load_some(const Number* from, std::int64_t count, Number other = 0) {
  if (count >= 16) return Lanes::load(from);
  Number part[16];
  for (Number& number : part) number = other;
  __builtin_memcpy(part, from, static_cast<std::size_t>(count) * sizeof(Number));
  return Lanes::load(part);
}
template <typename Lanes, typename Number>
void store_some(const Lanes& lanes, Number* to, std::int64_t count) {
  if (count >= 16) return lanes.store(to);
  Number part[16];
  lanes.store(part);
  __builtin_memcpy(to, part, static_cast<std::size_t>(count) * sizeof(Number));
}

/// The first lanes; the others become zeros.
template <typename Lanes>
Lanes first_of(const Lanes& lanes, std::int64_t count) {
  float parts[16];
  lanes.store(parts);
  return load_some<Lanes>(parts, count);
}

template <typename Lanes, typename Number>
void widen(const Number* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += 16)
    store_some(load_some<Lanes>(from + i, count - i), to + i, count - i);
}

/// 2^x for x from -126 to 127, else that of the nearer bound. A polynomial of 2^r, |r| <= 1/2, off by less
/// than 2 units in the last place.
template <typename Lanes>
Lanes exp2(const Lanes& x) {
  const Lanes bounded = min(Lanes::all(127.0F), max(Lanes::all(-126.0F), x));  // in this order NaN stays
  const Lanes whole = nearest(bounded);
  const Lanes r = bounded - whole;
  Lanes y = Lanes::all(1.535336188319500e-4F);
  y = fma(y, r, Lanes::all(1.339887440266574e-3F));
  y = fma(y, r, Lanes::all(9.618437357674640e-3F));
  y = fma(y, r, Lanes::all(5.550332471162809e-2F));
  y = fma(y, r, Lanes::all(2.402264791363012e-1F));
  y = fma(y, r, Lanes::all(6.931472028550421e-1F));
  y = fma(y, r, Lanes::all(1.0F));
  return Lanes::scaled(y, whole);
}

/// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))): Hendrycks, Gimpel: Gaussian Error Linear Units
/// (2016). As x / (1 + e^-2u), which loses nothing where tanh is near -1.
template <typename Lanes>
Lanes gelu_tanh(const Lanes& x) {
  constexpr float minus_two_log2_e_root = -2.302208198F;  // -2 * log2(e) * sqrt(2 / pi)
  const Lanes cubic = fma(x * x * x, Lanes::all(0.044715F), x);
  return x / (Lanes::all(1.0F) + exp2(cubic * Lanes::all(minus_two_log2_e_root)));
}

template <typename Lanes, typename Number>
void end_row(const float* sums, std::int64_t count, const RowEnd<Number>& end) {
  for (std::int64_t i = 0; i < count; i += 16) {
    const std::int64_t left = count - i;
    Lanes y = load_some<Lanes>(sums + i, left);
    if (end.bias != nullptr) y = y + load_some<Lanes>(end.bias + i, left);
    if (end.gelu) y = gelu_tanh(y);
    store_some(y, end.out + i, left);
  }
}

/// The largest of sixteen lanes, or their sum: by halves, whatever the level.
template <typename Lanes>
float largest(const Lanes& lanes) {
  float parts[16];
  lanes.store(parts);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) parts[i] = parts[i] > parts[i + half] ? parts[i] : parts[i + half];
  }
  return parts[0];
}
template <typename Lanes>
float sum(const Lanes& lanes) {
  float parts[16];
  lanes.store(parts);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  }
  return parts[0];
}

/// A step of the softmax of a row whose keys come block by block: Milakov, Gimelshein: Online normalizer
/// calculation for softmax (2018).
template <typename Lanes, typename Number>
float soften_row(const float* scores, std::int64_t count, float scale, SoftRow& row, Number* weights) {
  constexpr float lowest = -__builtin_huge_valf();
  constexpr int at_once = 4;
  Lanes most[at_once];
  for (Lanes& lanes : most) lanes = Lanes::all(lowest);
  std::int64_t i = 0;
  for (; i + 16 * at_once <= count; i += 16 * at_once) {
    for (int j = 0; j < at_once; ++j) most[j] = max(most[j], Lanes::load(scores + i + 16 * j));
  }
  for (; i < count; i += 16) most[0] = max(most[0], load_some<Lanes>(scores + i, count - i, lowest));
  const float here = largest(max(max(most[0], most[1]), max(most[2], most[3]))) * scale;
  const float before = row.most;
  row.most = here > before ? here : before;
  const Lanes times = Lanes::all(scale);
  const Lanes less = Lanes::all(-row.most);
  Lanes all[2] = {Lanes::zero(), Lanes::zero()};
  for (i = 0; i + 32 <= count; i += 32) {
    for (int j = 0; j < 2; ++j) {
      const Lanes weight = exp2(fma(Lanes::load(scores + i + 16 * j), times, less));
      weight.store(weights + i + 16 * j);
      all[j] = all[j] + weight;
    }
  }
  for (; i < count; i += 16) {
    const std::int64_t left = count - i;
    const Lanes weight = exp2(fma(load_some<Lanes>(scores + i, left), times, less));
    store_some(weight, weights + i, left);
    all[0] = all[0] + (left >= 16 ? weight : first_of(weight, left));
  }
  float shrink[16];
  exp2(Lanes::all(before - row.most)).store(shrink);
  row.sum = row.sum * shrink[0] + sum(all[0] + all[1]);
  return shrink[0];
}

template <typename Lanes, typename Number>
void norm_row(const Number* x, std::int64_t count, float eps, const float* scale, const float* shift,
              Number* out) {
  const auto numbers = static_cast<float>(count);
  Lanes all = Lanes::zero();
  for (std::int64_t i = 0; i < count; i += 16) all = all + load_some<Lanes>(x + i, count - i);
  const Lanes mean = Lanes::all(sum(all) / numbers);
  all = Lanes::zero();
  for (std::int64_t i = 0; i < count; i += 16) {
    const std::int64_t left = count - i;
    const Lanes off = load_some<Lanes>(x + i, left) - mean;
    all = left >= 16 ? fma(off, off, all) : all + first_of(off * off, left);
  }
  const Lanes factor = Lanes::all(1 / __builtin_sqrtf(sum(all) / numbers + eps));
  for (std::int64_t i = 0; i < count; i += 16) {
    const std::int64_t left = count - i;
    const Lanes normal = (load_some<Lanes>(x + i, left) - mean) * factor;
    store_some(fma(normal, load_some<Lanes>(scale + i, left), load_some<Lanes>(shift + i, left)), out + i,
               left);
  }
}

template <typename Lanes, typename Number>
float sum_of_squares(const Number* x, std::int64_t count) {
  Lanes all = Lanes::zero();
  for (std::int64_t i = 0; i < count; i += 16) {
    const Lanes here = load_some<Lanes>(x + i, count - i);
    all = fma(here, here, all);
  }
  return sum(all);
}

template <typename Lanes, typename Number>
void rotate_row(const Number* x, std::int64_t heads, std::int64_t width, float factor, const float* weight,
                const float* cos, const float* sin, Number* out) {
  constexpr std::int64_t step = 128;  // of a head, whose angles serve all heads
  for (std::int64_t first = 0; first < width; first += step) {
    const std::int64_t here = width - first < step ? width - first : step;
    float twice_cos[step], signed_sin[step];
    for (std::int64_t i = 0; i < here; ++i) {
      const std::int64_t pair = (first + i) / 2;
      twice_cos[i] = cos == nullptr ? 1 : cos[pair];
      signed_sin[i] = sin == nullptr ? 0 : (i % 2 == 0 ? -sin[pair] : sin[pair]);
    }
    for (std::int64_t head = 0; head < heads; ++head) {
      const std::int64_t at = head * width + first;
      for (std::int64_t i = 0; i < here; i += 16) {
        const std::int64_t left = here - i;
        const Lanes y =
            load_some<Lanes>(x + at + i, left) * Lanes::all(factor) * load_some<Lanes>(weight + at + i, left);
        const Lanes turned = fma(y, load_some<Lanes>(twice_cos + i, left),
                                 swapped_pairs(y) * load_some<Lanes>(signed_sin + i, left));
        store_some(turned, out + at + i, left);
      }
    }
  }
}

template <typename Lanes, typename Number>
void gated_sum_row(const Number* x, const Number* y, const float* gate, std::int64_t count, Number* out) {
  for (std::int64_t i = 0; i < count; i += 16) {
    const std::int64_t left = count - i;
    store_some(
        fma(load_some<Lanes>(y + i, left), load_some<Lanes>(gate + i, left), load_some<Lanes>(x + i, left)),
        out + i, left);
  }
}

template <typename Lanes>
void multiply_row(float* row, std::int64_t count, float factor) {
  for (std::int64_t i = 0; i < count; i += 16)
    store_some(load_some<Lanes>(row + i, count - i) * Lanes::all(factor), row + i, count - i);
}

template <typename Lanes, typename Number>
void divide_row(const float* row, std::int64_t count, float divisor, Number* to) {
  for (std::int64_t i = 0; i < count; i += 16)
    store_some(load_some<Lanes>(row + i, count - i) / Lanes::all(divisor), to + i, count - i);
}

}  // namespace ditmill::models::kernels::cpu

#include "models/pictures/resample_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ditmill::models::pictures {
namespace {

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

/// Not lround(), which differs below 0 and where the sum rounds up.
std::int64_t cut_after_half(double place) {
  const double later = place + 0.5;
  return static_cast<std::int64_t>(later);
}

std::int32_t rounded_weight(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << weight_bits));
}

}  // namespace

ResampleWeights::ResampleWeights(std::int64_t in, const Stretch& stretch, Filter filter) {
  // Pillow keeps the side in a float.
  const double scale = static_cast<double>(static_cast<float>(in)) / static_cast<double>(stretch.size);
  const double widened = std::max(scale, 1.0);
  const double reach = (filter == Filter::lanczos ? 3.0 : 2.0) * widened;
  const double narrowed = 1.0 / widened;
  begin_.push_back(0);
  std::vector<double> weights;
  for (std::int64_t pixel = stretch.begin; pixel < stretch.end; ++pixel) {
    const double centre = (static_cast<double>(pixel) + 0.5) * scale;
    const std::int64_t low = std::max<std::int64_t>(cut_after_half(centre - reach), 0);
    const std::int64_t high = std::min(cut_after_half(centre + reach), in);
    weights.clear();
    double sum = 0.0;
    for (std::int64_t x = low; x < high; ++x) {
      const double at = (static_cast<double>(x) - centre + 0.5) * narrowed;
      weights.push_back(filter == Filter::lanczos ? lanczos(at) : bicubic(at));
      sum += weights.back();
    }
    for (const double weight : weights)
      weights_.push_back(rounded_weight(sum != 0.0 ? weight / sum : weight));
    first_.push_back(static_cast<std::size_t>(low));
    begin_.push_back(weights_.size());
  }
}

}  // namespace ditmill::models::pictures

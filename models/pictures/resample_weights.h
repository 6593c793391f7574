#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/pictures/resize.h"

namespace ditmill::models::pictures {

/// Bits behind the point of a weight: 1 is 1 << weight_bits.
inline constexpr int weight_bits = 22;

/// What each pixel wanted of a stretched axis is the weighted sum of: neighbours from its `first` on.
class ResampleWeights {
 public:
  /// Of an axis of `in` pixels; Pillow 13 (wan_family facts, 1a): with scale = in / size, widened =
  /// max(scale, 1), reach = lobes * widened and centre c = (o + 0.5) * scale, pixels from trunc(c - reach +
  /// 0.5) to trunc(c + reach + 0.5), within the axis, weigh f((x - c + 0.5) / widened), over their sum, in
  /// doubles.
  ResampleWeights(std::int64_t in, const Stretch& stretch, Filter filter);

  std::size_t size() const noexcept { return first_.size(); }
  std::size_t first(std::size_t pixel) const noexcept { return first_[pixel]; }
  std::span<const std::int32_t> of(std::size_t pixel) const noexcept {
    return std::span{weights_}.subspan(begin_[pixel], begin_[pixel + 1] - begin_[pixel]);
  }
  /// The pixels that any of them needs.
  std::size_t lowest() const noexcept { return first_.front(); }
  std::size_t highest() const noexcept { return first_.back() + of(size() - 1).size(); }

 private:
  std::vector<std::size_t> first_;
  std::vector<std::size_t> begin_;  ///< of a pixel's weights; one more than pixels
  std::vector<std::int32_t> weights_;
};

}  // namespace ditmill::models::pictures

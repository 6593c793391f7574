#pragma once

#include <cstdint>

namespace ditmill::dist {

/// A half-open range of heads, columns or tokens.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const noexcept { return end - begin; }
  bool operator==(const Range&) const = default;
};

/// Part `index` of `total` cut into `parts` contiguous pieces whose sizes differ by one at most, larger
/// first.
Range share(std::int64_t total, int index, int parts) noexcept;

}  // namespace ditmill::dist

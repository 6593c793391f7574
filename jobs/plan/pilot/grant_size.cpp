#include "jobs/plan/pilot/grant_size.h"

#include <algorithm>

namespace ditmill::jobs::plan {

std::size_t grant_size(std::size_t left, int groups, int window) noexcept {
  if (left == 0) return 0;
  const std::size_t share = left / (2 * static_cast<std::size_t>(groups));
  return std::clamp<std::size_t>(share, 1, static_cast<std::size_t>(window));
}

}  // namespace ditmill::jobs::plan

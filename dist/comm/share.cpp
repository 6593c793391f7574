#include "dist/comm/share.h"

#include <algorithm>

namespace ditmill::dist {

Range share(std::int64_t total, int index, int parts) noexcept {
  const std::int64_t size = total / parts;
  const std::int64_t larger = total % parts;
  const std::int64_t begin = index * size + std::min<std::int64_t>(index, larger);
  return {begin, begin + size + (index < larger ? 1 : 0)};
}

}  // namespace ditmill::dist

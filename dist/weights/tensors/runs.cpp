#include "dist/weights/tensors/runs.h"

#include <algorithm>
#include <cstring>

namespace ditmill::dist {

Runs runs_of(const registry::TensorInfo& tensor, const Place& place) noexcept {
  const std::uint64_t all = tensor.end - tensor.begin;
  if (place.dim == ShardRule::whole) return {.first = 0, .length = all, .stride = all, .count = 1};
  const auto dim = static_cast<std::size_t>(place.dim);
  Runs runs{.count = 1};
  for (std::size_t i = 0; i < dim; ++i) runs.count *= tensor.shape[i];
  const std::uint64_t row = all / (runs.count * tensor.shape[dim]);
  runs.first = static_cast<std::uint64_t>(place.range.begin) * row;
  runs.length = static_cast<std::uint64_t>(place.range.size()) * row;
  runs.stride = tensor.shape[dim] * row;
  return runs;
}

void copy_runs(const Runs& runs, std::uint64_t from, std::span<const std::byte> bytes,
               std::byte* kept) noexcept {
  const std::uint64_t to = from + bytes.size();
  std::uint64_t run = from > runs.first ? (from - runs.first) / runs.stride : 0;
  for (; run < runs.count && runs.first + run * runs.stride < to; ++run) {
    const std::uint64_t begin = runs.first + run * runs.stride;
    const std::uint64_t low = std::max(begin, from);
    const std::uint64_t high = std::min(begin + runs.length, to);
    if (low < high) {
      std::memcpy(kept + run * runs.length + (low - begin), bytes.data() + (low - from), high - low);
    }
  }
}

}  // namespace ditmill::dist

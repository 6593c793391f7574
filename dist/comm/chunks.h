#pragma once

#include <algorithm>
#include <cstddef>

namespace ditmill::dist {

/// The most bytes one call of a library is given whose counts are `int`: below 2^31, and a round number, so
/// that all ranks cut alike.
inline constexpr std::size_t most_bytes_a_call = std::size_t{1} << 30;

/// Calls `piece(offset, bytes)` for consecutive pieces of at most `limit` bytes (not 0) that cover `total`,
/// in order; not at all for 0. The one place that splits counts.
template <typename Piece>
void for_each_chunk(std::size_t total, std::size_t limit, Piece&& piece) {
  for (std::size_t offset = 0; offset < total;) {
    const std::size_t bytes = std::min(limit, total - offset);
    piece(offset, bytes);
    offset += bytes;
  }
}

}  // namespace ditmill::dist

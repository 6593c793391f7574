#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dist/plan/places.h"
#include "registry/tensor_info.h"

namespace ditmill::dist {

/// The bytes of a dense tensor that its place keeps: `count` runs, counted from the tensor's first byte. One
/// behind the other they are what is kept, dense again.
struct Runs {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  ///< of each
  std::uint64_t stride = 0;  ///< from one to the next
  std::uint64_t count = 0;

  std::uint64_t bytes() const noexcept { return count * length; }
  /// Behind the last byte that is kept.
  std::uint64_t end() const noexcept { return count == 0 ? 0 : first + (count - 1) * stride + length; }
};

Runs runs_of(const registry::TensorInfo& tensor, const Place& place) noexcept;

/// Copies what of the runs lies in `bytes`, which are the tensor's from byte `from` on, to its place in
/// `kept`, which has room for runs.bytes().
void copy_runs(const Runs& runs, std::uint64_t from, std::span<const std::byte> bytes,
               std::byte* kept) noexcept;

}  // namespace ditmill::dist

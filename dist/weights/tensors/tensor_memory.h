#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Tensors begin at multiples of this, as LibTorch's own do: what kernels compute may depend on it.
inline constexpr std::size_t tensor_alignment = 64;
constexpr std::size_t aligned_size(std::size_t bytes) noexcept {
  return (bytes + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

/// Zeroed memory that tensors are made in; given back with the last that holds it.
class TensorMemory {
 public:
  /// This rank's own, in huge pages where the system has them. Throws Error(memory).
  static std::shared_ptr<TensorMemory> own(std::size_t bytes);
  /// One piece that the ranks of a machine share; each of them has its part of the pages made. Its name is
  /// gone when this returns, so that nothing is left behind by a crash. Collective over `team`, whose ranks
  /// are on one machine and ask for equally much. Throws the agreed Error: no_space if /dev/shm has no room,
  /// io.
  static std::shared_ptr<TensorMemory> shared(const Communicator& team, std::size_t bytes);

  /// Bytes that /dev/shm still takes.
  static std::size_t shared_room() noexcept;

  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;
  ~TensorMemory();

  std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  explicit TensorMemory(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace ditmill::dist

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "dist/weights/source/load_work.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// What goes before the bytes of a chunk, in the same broadcast.
struct FrameHeader {
  std::uint64_t sequence = 0;  ///< the chunk's place in the schedule
  std::uint64_t valid = 0;     ///< 1; 0: rank 0 has failed, and what follows means nothing
  registry::Leaf digest{};     ///< XXH3-128 of the chunk
};

/// A buffer that is reused for chunk after chunk: a header with the chunk's bytes behind it, these on a page
/// boundary.
class Frame {
 public:
  /// Of memory on a page boundary, for one that is not made by the frame itself.
  static constexpr std::size_t memory_bytes = page_bytes + registry::leaf_bytes;

  /// Room for registry::leaf_bytes. Throws std::bad_alloc.
  Frame();
  /// In `memory_bytes` from there on, which outlive it.
  explicit Frame(std::byte* memory) noexcept : bytes_(memory) {}

  FrameHeader header() const noexcept;
  void set_header(const FrameHeader& header) noexcept;
  /// The chunk's bytes; `length` is at most registry::leaf_bytes.
  std::span<std::byte> payload(std::size_t length) const noexcept;
  /// Header and payload, as they are broadcast.
  std::span<std::byte> wire(std::size_t length) const noexcept;

  std::size_t chunk = 0;  ///< its place in the schedule, as this rank counts

 private:
  struct Free {
    void operator()(std::byte* bytes) const noexcept { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Free> own_;
  std::byte* bytes_;
};

}  // namespace ditmill::dist

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>

namespace ditmill::registry {

/// The memory that reading one header may take: 8 times the header's bytes and 64 KiB. Containers draw from
/// it; what cannot (strings, results) is charged. Over the bound it throws Error(bad_input), before it
/// allocates.
class BoundedMemory final : public std::pmr::memory_resource {
 public:
  /// `file` and `doing` go into the refusal.
  BoundedMemory(std::string file, std::string doing, std::uint64_t header_bytes);

  /// Counts `bytes` as taken, until they are released.
  void charge(std::uint64_t bytes);
  void release(std::uint64_t bytes) noexcept { left_ += bytes; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::string file_;
  std::string doing_;
  std::uint64_t header_bytes_;
  std::uint64_t left_;
};

}  // namespace ditmill::registry

#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace ditmill::models {

/// LibTorch's CPU allocator, with a count of the bytes that tensors hold. One a process, for good.
class TensorPeak final : public c10::Allocator {
 public:
  static TensorPeak& installed() {
    static TensorPeak& peak = *[] {
      auto* made = new TensorPeak;
      c10::SetCPUAllocator(made, 1);
      return made;
    }();
    return peak;
  }

  /// The most bytes held at once while `body` runs, beyond those held before it.
  template <typename Body>
  std::uint64_t of(const Body& body) {
    const std::int64_t before = held_;
    most_ = before;
    body();
    return static_cast<std::uint64_t>(most_ - before);
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = c10::alloc_cpu(bytes + header);
    std::memcpy(data, &bytes, sizeof bytes);
    held_ += static_cast<std::int64_t>(bytes);
    most_ = std::max<std::int64_t>(most_, held_);
    return {static_cast<char*>(data) + header, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static constexpr std::size_t header = 64;  // keeps LibTorch's alignment

  static void release(void* data) {
    std::size_t bytes = 0;
    std::memcpy(&bytes, data, sizeof bytes);
    installed().held_ -= static_cast<std::int64_t>(bytes);
    c10::free_cpu(data);
  }

  std::atomic<std::int64_t> held_ = 0;
  std::atomic<std::int64_t> most_ = 0;
};

}  // namespace ditmill::models

#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <unordered_map>

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
    void* data = c10::alloc_cpu(bytes);  // data is its own context: oneDNN asks for that
    const std::lock_guard lock{mutex_};
    if (data != nullptr) bytes_[data] = bytes;
    held_ += static_cast<std::int64_t>(bytes);
    most_ = std::max(most_, held_);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static void release(void* data) {
    installed().forget(data);
    c10::free_cpu(data);
  }
  void forget(void* data) {
    const std::lock_guard lock{mutex_};
    const auto found = bytes_.find(data);
    if (found == bytes_.end()) return;
    held_ -= static_cast<std::int64_t>(found->second);
    bytes_.erase(found);
  }

  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> bytes_;
  std::int64_t held_ = 0;
  std::int64_t most_ = 0;
};

}  // namespace ditmill::models

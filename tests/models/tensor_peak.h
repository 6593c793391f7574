#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
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
    return peak_of([this]() -> Use& { return all_; }, body);
  }

  /// The same of the bytes that this thread allocates: a rank's, where threads are ranks.
  template <typename Body>
  std::uint64_t of_this_thread(const Body& body) {
    return peak_of([this]() -> Use& { return threads_[std::this_thread::get_id()]; }, body);
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = c10::alloc_cpu(bytes);  // data is its own context: oneDNN asks for that
    const std::lock_guard lock{mutex_};
    const auto count = static_cast<std::int64_t>(bytes);
    Use& owner = threads_[std::this_thread::get_id()];
    if (data != nullptr) blocks_[data] = {count, &owner};
    all_.add(count);
    owner.add(count);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  struct Use {
    std::int64_t held = 0;
    std::int64_t most = 0;

    void add(std::int64_t bytes) {
      held += bytes;
      most = std::max(most, held);
    }
  };
  /// Bytes, and the thread that allocated them.
  struct Block {
    std::int64_t bytes = 0;
    Use* owner = nullptr;
  };

  template <typename Find, typename Body>
  std::uint64_t peak_of(const Find& find, const Body& body) {
    std::int64_t before = 0;
    {
      const std::lock_guard lock{mutex_};
      Use& use = find();
      before = use.most = use.held;
    }
    body();
    const std::lock_guard lock{mutex_};
    return static_cast<std::uint64_t>(find().most - before);
  }

  static void release(void* data) {
    installed().forget(data);
    c10::free_cpu(data);
  }
  void forget(void* data) {
    const std::lock_guard lock{mutex_};
    const auto found = blocks_.find(data);
    if (found == blocks_.end()) return;
    all_.add(-found->second.bytes);
    found->second.owner->add(-found->second.bytes);
    blocks_.erase(found);
  }

  std::mutex mutex_;
  Use all_;
  std::map<std::thread::id, Use> threads_;
  std::unordered_map<void*, Block> blocks_;
};

}  // namespace ditmill::models

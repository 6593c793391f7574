#include "tests/support/allocation_peak.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

std::size_t live = 0;
std::size_t peak = 0;

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc{};
  live += malloc_usable_size(memory);
  peak = std::max(peak, live);
  return memory;
}

void uncounted(void* memory) {
  if (memory == nullptr) return;
  live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// Not inlined, or the compiler takes the pairs of them for mistakes.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(std::malloc(size > 0 ? size : 1)); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (std::max(size, step) + step - 1) / step * step));
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* memory = std::malloc(size > 0 ? size : 1);
  return memory == nullptr ? nullptr : counted(memory);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { uncounted(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { uncounted(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { uncounted(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { uncounted(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  uncounted(memory);
}

namespace ditmill::tests {

AllocationPeak::AllocationPeak() : before_(live) { peak = live; }

std::size_t AllocationPeak::bytes() const { return peak - before_; }

}  // namespace ditmill::tests

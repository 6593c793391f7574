#include "registry/formats/torch/bounded_memory.h"

#include <new>
#include <utility>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t times = 8;
// Of 64 KiB: the rest is for what is not counted, such as the words of a refusal.
constexpr std::uint64_t spare = 56 << 10;
// What malloc adds to an allocation at most, so that the bound holds for what the process really takes.
constexpr std::uint64_t overhead = 16;

}  // namespace

BoundedMemory::BoundedMemory(std::string file, std::string doing, std::uint64_t header_bytes)
    : file_(std::move(file)),
      doing_(std::move(doing)),
      header_bytes_(header_bytes),
      // A header is at most some hundred megabytes: nothing wraps.
      left_(times * header_bytes + spare) {}

void BoundedMemory::charge(std::uint64_t bytes) {
  if (bytes <= left_) {
    left_ -= bytes;
    return;
  }
  throw Error{Category::bad_input, doing_, Where{.file = file_},
              Expected{"a header whose content fits 8 times its " + std::to_string(header_bytes_) + " bytes"},
              Got{"more than that"}};
}

void* BoundedMemory::do_allocate(std::size_t bytes, std::size_t alignment) {
  charge(bytes + overhead);
  return ::operator new (bytes, std::align_val_t{alignment});
}

void BoundedMemory::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  release(bytes + overhead);
  ::operator delete (memory, std::align_val_t{alignment});
}

}  // namespace ditmill::registry

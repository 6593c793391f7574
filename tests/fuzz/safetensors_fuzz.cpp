#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"
#include "tests/fuzz/fuzz.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ditmill;
  const std::span<const std::byte> bytes = fuzz::bytes_of(data, size);
  const auto source = registry::memory_source("fuzz.safetensors", bytes);
  registry::SafetensorsHeader header;
  bool read = false;
  fuzz::run(bytes, 16 * 1024, [&] {
    header = registry::read_safetensors_header(*source);
    read = true;
  });
  if (!read) return 0;
  fuzz::require_sound(header.tensors, size);
  std::uint64_t at = header.header_bytes;
  for (const registry::TensorInfo& tensor : header.tensors) {
    fuzz::require(tensor.begin == at, "tensors cover the data without hole or overlap");
    fuzz::require(tensor.strides.empty(), "tensors are contiguous");
    at = tensor.end;
  }
  fuzz::require(at == size, "tensors cover the data to its end");
  return 0;
}

#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"
#include "tests/fuzz/fuzz.h"

namespace ditmill::fuzz {

void one_input(std::span<const std::byte> bytes) {
  const auto source = registry::memory_source("fuzz.safetensors", bytes);
  registry::SafetensorsHeader header;
  bool read = false;
  run(bytes, 16 << 10, [&] {
    header = registry::read_safetensors_header(*source);
    read = true;
  });
  if (!read) return;
  require_sound(header.tensors, bytes.size());
  std::uint64_t at = header.header_bytes;
  for (const registry::TensorInfo& tensor : header.tensors) {
    require(tensor.begin == at, "tensors cover the data without hole or overlap");
    require(tensor.strides.empty(), "tensors are contiguous");
    at = tensor.end;
  }
  require(at == bytes.size(), "tensors cover the data to its end");
}

}  // namespace ditmill::fuzz

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// The header of a safetensors file.
struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< ordered by their place in the file, those in one place by name
  std::string metadata;  ///< the checked JSON text of `__metadata__`: strings by name; empty if none
  std::uint64_t header_bytes = 0;  ///< 8 + the JSON
};

/// Reads and checks the header of a safetensors file by the strict policy (README.md): names are unique in
/// any spelling, ranges cover the data without overlap or hole, no arithmetic wraps. Allocates at most 8
/// times the header's bytes, nothing before the sizes are checked. Throws Error(bad_input) with the offset.
SafetensorsHeader read_safetensors_header(const ByteSource& source);

}  // namespace ditmill::registry

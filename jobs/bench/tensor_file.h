#pragma once

#include <string>

#include "dist/weights/stream.h"

namespace ditmill::jobs::bench {

/// Writes tensors of float32 or bfloat16 as a safetensors file. Throws Error(io, no_space).
void write_safetensors(const std::string& path, const dist::TensorMap& tensors);

}  // namespace ditmill::jobs::bench

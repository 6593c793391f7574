#pragma once

#include <string>

#include "dist/weights/stream.h"

namespace ditmill::probe {

/// All tensors of a safetensors file, in the types they have there (F32, BF16, I64, U8).
dist::TensorMap read_tensors(const std::string& path);
/// Writes them, contiguous, by name.
void write_tensors(const std::string& path, const dist::TensorMap& tensors);

}  // namespace ditmill::probe

#pragma once

#include <map>
#include <span>
#include <string>

#include "registry/formats/new_tensor.h"

namespace ditmill::registry {

/// `__metadata__` of a safetensors file.
using SafetensorsMetadata = std::map<std::string, std::string>;

/// Writes a safetensors file: the header, padded to 8 bytes, then the tensors, those of wide elements first,
/// so that each lies at a multiple of its element's size. Metadata also gets {"format": "pt"}, without which
/// transformers refuses a file. Throws Error: usage if the path is taken, no_space, io.
void write_safetensors(const std::string& path, std::span<const NewTensor> tensors,
                       SafetensorsMetadata metadata, const TensorBytes& give);

}  // namespace ditmill::registry

#pragma once

#include <span>
#include <string>

#include "registry/formats/new_tensor.h"

namespace ditmill::registry {

/// Writes a checkpoint as torch.save does a dictionary of tensors (an OrderedDict, in the order given): a zip
/// archive of data.pkl, byteorder, a storage a tensor and version, which torch.load(weights_only=True) opens.
/// Throws Error: unsupported for element types without storages of their own in torch (8-bit floats), usage
/// if the path is taken, no_space, io.
void write_pth(const std::string& path, std::span<const NewTensor> tensors, const TensorBytes& give);

}  // namespace ditmill::registry

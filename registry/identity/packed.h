#pragma once

#include <string>

#include "registry/component.h"

namespace ditmill::registry {

/// How a component's weights are packed (FP8 with scales, int8, 4 bits of bitsandbytes, GPTQ, ...), by dtypes
/// and by tensors beside the weights; empty if nothing says so.
std::string packed_as(const Component& component);
/// Throws Error(unsupported) for packed weights, with the tensor that tells.
void refuse_packed(const Component& component);

}  // namespace ditmill::registry

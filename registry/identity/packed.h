#pragma once

#include <string>

#include "registry/component.h"

namespace ditmill::registry {

/// How a component's weights are packed (FP8 with scales, int8, 4 bits of bitsandbytes, GPTQ, ...), by dtypes
/// and by tensors beside the weights; empty if nothing says so.
std::string packed_as(const Component& component);
/// How FP8 weights are scaled: "fp8-channel" (a row of a weight), "fp8-tensor", "fp8-plain" (not at all);
/// empty for others.
std::string fp8_kind(const Component& component);
/// Throws Error(unsupported) for packed weights, with the tensor that tells.
void refuse_packed(const Component& component);

}  // namespace ditmill::registry

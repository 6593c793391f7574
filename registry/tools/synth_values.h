#pragma once

#include <cstdint>
#include <string_view>

#include "registry/formats/new_tensor.h"

namespace ditmill::registry {

/// Gives a tensor random values, the same on every machine for a seed and a name: whole numbers are counted
/// and mixed, and every operation on floats is exact or correctly rounded. Layers keep the size of what
/// passes; norms are near one, biases small. `layer` is its name in the layers.
void give_random(const NewTensor& tensor, std::string_view layer, std::uint64_t seed, TensorSink& sink);

}  // namespace ditmill::registry

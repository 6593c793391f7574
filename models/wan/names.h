#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/binding/component_reader.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// Every tensor of a Wan text-to-video transformer in the diffusers layout, with its shape.
Shapes dit_shapes(const Dims& dims);

/// Whether a tensor is one of the float32 islands that diffusers' from_pretrained keeps, whatever dtype is
/// asked for: one of the components of its dotted name is on the list.
bool is_float32_island(std::string_view tensor);

}  // namespace ditmill::models::wan

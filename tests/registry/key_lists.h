#pragma once

#include <string>

#include "tests/registry/safetensors_text.h"

namespace ditmill::tests {

/// The names and shapes of a real checkpoint: data/<name>.tsv, where `blocks.0-29.x` stands for 30 tensors.
Shapes key_list(const std::string& name);

}  // namespace ditmill::tests

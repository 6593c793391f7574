#pragma once

#include <cstdint>

#include "models/binding/component_reader.h"

namespace ditmill::models {

/// Attention heads of weights that are `width` wide, by the rule of contracts.md: what num_attention_heads,
/// num_heads and attention_head_dim of config.json say, else the catalog entry, else heads of `usual` width.
/// Throws Error(bad_input) where these contradict each other or the width, or none of them tells.
std::int64_t bind_heads(const ComponentReader& reader, std::int64_t width, std::int64_t usual);

}  // namespace ditmill::models

#pragma once

#include <string_view>

#include "dist/plan/shard_rule.h"
#include "models/text_encoders/umt5_dims.h"

namespace ditmill::models {

/// How a tensor of a UMT5 encoder, in the transformers layout, is cut by tp: the vocabulary, heads and ffn
/// columns. Every pipeline stage has it.
dist::ShardRule umt5_rule(const Umt5Dims& dims, std::string_view tensor);

}  // namespace ditmill::models

#pragma once

#include <string_view>

#include "dist/plan/shard_rule.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// How a tensor of the transformer, in the diffusers layout, is cut: heads and ffn columns by tp, blocks by
/// pipeline stages.
dist::ShardRule dit_rule(const Dims& dims, std::string_view tensor);

}  // namespace ditmill::models::wan

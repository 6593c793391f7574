#pragma once

#include <ATen/core/Tensor.h>

#include "configs/pipeline_config.h"
#include "dist/exchange/token_shares.h"

namespace ditmill::models {

/// Attention of this rank's row of queries to the keys of all rows: keys and values go round the ring, the
/// next ones on their way while these are attended to, and the parts are merged in float32. query, key, value
/// [batch, tokens of the row, heads, width]; so is the result, in their dtype.
/// Liu, Zaharia, Abbeel: Ring Attention with Blockwise Transformers (2023).
at::Tensor ring_attention(configs::Numerics numerics, const dist::ParallelContext& parallel,
                          const dist::TokenShares& shares, const at::Tensor& query, const at::Tensor& key,
                          const at::Tensor& value);

}  // namespace ditmill::models

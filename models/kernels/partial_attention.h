#pragma once

#include <ATen/core/Tensor.h>

namespace ditmill::models::kernels {

/// Attention to some of the keys, and what merging needs to know of them.
struct PartialAttention {
  at::Tensor output;  ///< [batch, heads, queries, width]
  at::Tensor lse;     ///< log of the sum of exp(scores): [batch, heads, queries], float32
};

/// Attention of all queries to these keys, scaled by 1 / sqrt(width); query, key, value [batch, heads,
/// tokens, width] of one dtype, at least one key.
PartialAttention attend_partly(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

/// Attention to both sets of keys, in float32: with l = log(exp(a.lse) + exp(b.lse)), the outputs weighted by
/// exp(lse - l). Liu, Zaharia, Abbeel: Ring Attention (2023); Dao et al., FlashAttention (2022), 3.1.
PartialAttention merge(const PartialAttention& a, const PartialAttention& b);

}  // namespace ditmill::models::kernels

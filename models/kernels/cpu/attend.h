#pragma once

#include <cstdint>

#include "models/kernels/cpu/level.h"

namespace ditmill::models::kernels::cpu {

/// Numbers [heads, tokens, width] that lie anywhere: those of a head at a stride, its tokens at another.
template <typename Number>
struct Heads {
  Number* data = nullptr;
  std::int64_t head_stride = 0;
  std::int64_t stride = 0;  ///< of tokens

  Number* at(std::int64_t head, std::int64_t token) const {
    return data + head * head_stride + token * stride;
  }
};

struct AttentionSizes {
  std::int64_t heads = 0, queries = 0, keys = 0, width = 0;
};

/// softmax(q k^T / sqrt(width)) v, at least one key, to `out`; `lse` [heads, queries] gets the logarithm of
/// the sum of exp(scores), unless it is null. By blocks of keys as they come, in float32: Dao et al.,
/// FlashAttention (2022). Of each query the bits depend on its keys alone: on neither threads nor the queries
/// beside it.
template <typename Number>
void attend(const Level& level, const AttentionSizes& sizes, Heads<const Number> query,
            Heads<const Number> key, Heads<const Number> value, Heads<Number> out, float* lse);

}  // namespace ditmill::models::kernels::cpu

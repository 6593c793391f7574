#pragma once

#include "dist/parallel_context.h"
#include "models/linear.h"
#include "models/wan/dims.h"
#include "models/wan/rope.h"

namespace ditmill::models::wan {

/// Attention with RMS norms over all heads of q and k (before they are split), no mask, and biases
/// everywhere. Holds this rank's heads of the tp axis.
class Attention {
 public:
  Attention(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel);

  /// x [batch, tokens, dim] attends to itself, with RoPE.
  at::Tensor self(const at::Tensor& x, const RopeTable& rope) const;
  /// x [batch, tokens, dim] attends to context [batch, text tokens, dim], without RoPE.
  at::Tensor cross(const at::Tensor& x, const at::Tensor& context) const;

 private:
  struct Heads {
    at::Tensor query, key, value;  ///< [batch, tokens, heads, head_dim]
  };
  Heads project(const at::Tensor& x, const at::Tensor& context) const;
  at::Tensor attend(const Heads& heads) const;

  std::int64_t heads_;
  std::int64_t head_dim_;
  double eps_;
  Linear to_q_, to_k_, to_v_, to_out_;
  at::Tensor norm_q_, norm_k_;
};

}  // namespace ditmill::models::wan

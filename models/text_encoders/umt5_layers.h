#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "dist/parallel_context.h"
#include "models/parallel/linear.h"
#include "models/parallel/row_linear.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// x / sqrt(mean(x^2) + eps) in float32, rounded to the weight's dtype, times the weight.
class Umt5Norm {
 public:
  Umt5Norm(const WeightsView& weights, const Umt5Dims& dims);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_;
  double eps_;
};

/// Attention without a scale, this rank's heads of the tp axis; its scores get a learned bias for each head
/// and bucket of relative positions.
class Umt5Attention {
 public:
  Umt5Attention(const WeightsView& weights, const Umt5Dims& dims, const dist::ParallelContext& parallel);
  /// x [1, tokens, dim]; buckets [tokens, tokens]; attended [1, 1, 1, tokens] bool, or undefined for all.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& buckets, const at::Tensor& attended) const;

 private:
  std::int64_t heads_;  ///< this rank's
  std::int64_t head_dim_;
  Linear q_, k_, v_;
  RowLinear o_;
  at::Tensor bias_;  ///< [buckets, heads]
};

/// wo(gelu(wi_0(x)) * wi_1(x)), the GELU by its tanh formula, one operator at a time.
class Umt5FeedForward {
 public:
  Umt5FeedForward(const WeightsView& weights, const Umt5Dims& dims, const dist::ParallelContext& parallel);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Linear gate_, up_;
  RowLinear down_;
};

/// x += attention(norm(x)); x += feed_forward(norm(x)).
class Umt5Block {
 public:
  Umt5Block(const WeightsView& weights, const Umt5Dims& dims, const dist::ParallelContext& parallel);
  at::Tensor operator()(at::Tensor x, const at::Tensor& buckets, const at::Tensor& attended) const;

 private:
  Umt5Norm attention_norm_;
  Umt5Attention attention_;
  Umt5Norm feed_forward_norm_;
  Umt5FeedForward feed_forward_;
};

}  // namespace ditmill::models

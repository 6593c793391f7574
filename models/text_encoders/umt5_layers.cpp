#include "models/text_encoders/umt5_layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace ditmill::models {
namespace {

/// transformers' "gelu_new". Each operator rounds: in bfloat16 this is not at::gelu(x, "tanh").
at::Tensor gelu_new(const at::Tensor& x) {
  const at::Tensor inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * at::pow(x, 3.0));
  return 0.5 * x * (1.0 + at::tanh(inner));
}

double lowest(at::ScalarType type) {
  return type == at::kBFloat16 ? static_cast<double>(std::numeric_limits<at::BFloat16>::lowest())
                               : static_cast<double>(std::numeric_limits<float>::lowest());
}

}  // namespace

Umt5Norm::Umt5Norm(const WeightsView& weights, const Umt5Dims& dims)
    : weight_(weights.take("weight", {dims.dim})), eps_(dims.eps) {}

at::Tensor Umt5Norm::operator()(const at::Tensor& x) const {
  const at::Tensor variance = x.to(at::kFloat).pow(2).mean(-1, /*keepdim=*/true);
  at::Tensor normed = x * at::rsqrt(variance + eps_);
  return weight_ * normed.to(weight_.scalar_type());
}

Umt5Attention::Umt5Attention(const WeightsView& weights, const Umt5Dims& dims,
                             const dist::ParallelContext& parallel)
    : heads_(parallel.part(dist::Axis::tp, dims.heads).size()),
      head_dim_(dims.head_dim),
      q_(weights.scope("q"), dims.dim, heads_ * head_dim_, Linear::Bias::no),
      k_(weights.scope("k"), dims.dim, heads_ * head_dim_, Linear::Bias::no),
      v_(weights.scope("v"), dims.dim, heads_ * head_dim_, Linear::Bias::no),
      o_(weights.scope("o"), heads_ * head_dim_, dims.dim, parallel, Linear::Bias::no),
      bias_(weights.scope("relative_attention_bias").take("weight", {dims.buckets, heads_})) {}

at::Tensor Umt5Attention::operator()(const at::Tensor& x, const at::Tensor& buckets,
                                     const at::Tensor& attended) const {
  const std::int64_t tokens = x.size(1);
  const auto heads = [&](const at::Tensor& projected) {
    return projected.view({1, tokens, heads_, head_dim_}).transpose(1, 2);
  };
  const at::Tensor q = heads(q_(x)), k = heads(k_(x)), v = heads(v_(x));
  at::Tensor scores = at::embedding(bias_, buckets).permute({2, 0, 1}).unsqueeze(0);
  if (attended.defined()) scores = at::where(attended, scores, lowest(scores.scalar_type()));
  const at::Tensor mixed = at::scaled_dot_product_attention(q, k, v, scores.contiguous(), /*dropout_p=*/0.0,
                                                            /*is_causal=*/false, /*scale=*/1.0);
  return o_(mixed.transpose(1, 2).reshape({1, tokens, heads_ * head_dim_}).contiguous());
}

Umt5FeedForward::Umt5FeedForward(const WeightsView& weights, const Umt5Dims& dims,
                                 const dist::ParallelContext& parallel)
    : gate_(weights.scope("wi_0"), dims.dim, parallel.part(dist::Axis::tp, dims.ffn_dim).size(),
            Linear::Bias::no),
      up_(weights.scope("wi_1"), dims.dim, parallel.part(dist::Axis::tp, dims.ffn_dim).size(),
          Linear::Bias::no),
      down_(weights.scope("wo"), parallel.part(dist::Axis::tp, dims.ffn_dim).size(), dims.dim, parallel,
            Linear::Bias::no) {}

at::Tensor Umt5FeedForward::operator()(const at::Tensor& x) const {
  return down_(gelu_new(gate_(x)) * up_(x));
}

Umt5Block::Umt5Block(const WeightsView& weights, const Umt5Dims& dims, const dist::ParallelContext& parallel)
    : attention_norm_(weights.scope("layer", 0).scope("layer_norm"), dims),
      attention_(weights.scope("layer", 0).scope("SelfAttention"), dims, parallel),
      feed_forward_norm_(weights.scope("layer", 1).scope("layer_norm"), dims),
      feed_forward_(weights.scope("layer", 1).scope("DenseReluDense"), dims, parallel) {}

at::Tensor Umt5Block::operator()(at::Tensor x, const at::Tensor& buckets, const at::Tensor& attended) const {
  x = x + attention_(attention_norm_(x), buckets, attended);
  return x + feed_forward_(feed_forward_norm_(x));
}

}  // namespace ditmill::models

#include "models/wan/attention.h"

#include <ATen/ATen.h>

#include "dist/comm/tensors.h"
#include "dist/exchange/ulysses.h"
#include "models/kernels/rotate_pairs.h"
#include "models/parallel/ring_attention.h"

namespace ditmill::models::wan {

Attention::Attention(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel)
    : parallel_(parallel),
      heads_(parallel.part(dist::Axis::tp, dims.heads).size()),
      head_dim_(dims.head_dim),
      dim_(dims.dim),
      eps_(dims.eps),
      to_q_(weights.scope("to_q"), dims.dim, heads_ * head_dim_),
      to_k_(weights.scope("to_k"), dims.dim, heads_ * head_dim_),
      to_v_(weights.scope("to_v"), dims.dim, heads_ * head_dim_),
      to_out_(weights.scope("to_out", 0), heads_ * head_dim_, dims.dim, parallel),
      norm_q_(weights.take("norm_q.weight", {heads_ * head_dim_})),
      norm_k_(weights.take("norm_k.weight", {heads_ * head_dim_})) {}

at::Tensor Attention::norm(const at::Tensor& x, const at::Tensor& weight) const {
  if (parallel_.degree(dist::Axis::tp) == 1) return at::rms_norm(x, {dim_}, weight, eps_);
  // The mean is over the heads of all tp ranks.
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor squares = dist::all_reduce(parallel_.team(dist::Team::tp),
                                              wide.square().sum(-1, /*keepdim=*/true), dist::Purpose::tensor);
  return (wide * at::rsqrt(squares / dim_ + eps_) * weight).to(x.scalar_type());
}

at::Tensor Attention::self(const at::Tensor& x, const Tokens& tokens) const {
  const auto rotated = [&](const at::Tensor& y) {
    return kernels::rotate_pairs(split(y), tokens.rope.cos, tokens.rope.sin);
  };
  const dist::Ulysses ulysses(parallel_, tokens.shares, heads_);
  // Each goes on its way while the next is projected.
  dist::PendingTensors query = ulysses.give_tokens(rotated(norm(to_q_(x), norm_q_)));
  dist::PendingTensors key = ulysses.give_tokens(rotated(norm(to_k_(x), norm_k_)));
  dist::PendingTensors value = ulysses.give_tokens(split(to_v_(x)));
  const at::Tensor q = ulysses.join_tokens(std::move(query));
  const at::Tensor k = ulysses.join_tokens(std::move(key));
  const at::Tensor y = ring_attention(parallel_, tokens.shares, q, k, ulysses.join_tokens(std::move(value)));
  return to_out_(ulysses.give_heads(y).flatten(2, 3));
}

at::Tensor Attention::cross(const at::Tensor& x, const at::Tensor& context) const {
  const at::Tensor query = split(norm(to_q_(x), norm_q_));
  const at::Tensor key = split(norm(to_k_(context), norm_k_));
  const at::Tensor y = at::scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2),
                                                        split(to_v_(context)).transpose(1, 2));
  return to_out_(y.transpose(1, 2).flatten(2, 3));
}

}  // namespace ditmill::models::wan

#include "models/wan/attention.h"

#include <ATen/ATen.h>

#include "dist/comm/tensors.h"
#include "dist/exchange/ulysses.h"
#include "models/kernels/fast.h"
#include "models/kernels/operators.h"
#include "models/kernels/rotate_pairs.h"
#include "models/parallel/ring_attention.h"

namespace ditmill::models::wan {

Attention::Attention(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
                     Pictures pictures)
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
      norm_k_(weights.take("norm_k.weight", {heads_ * head_dim_})),
      pictures_(picture_keys(weights, pictures)) {}

std::optional<Attention::PictureKeys> Attention::picture_keys(const WeightsView& weights,
                                                              Pictures pictures) const {
  if (pictures == Pictures::no) return std::nullopt;
  const std::int64_t inner = heads_ * head_dim_;
  return PictureKeys{Linear(weights.scope("add_k_proj"), dim_, inner),
                     Linear(weights.scope("add_v_proj"), dim_, inner),
                     weights.take("norm_added_k.weight", {inner})};
}

at::Tensor Attention::normed(const at::Tensor& x, const at::Tensor& weight, const RopeTable* rope) const {
  if (kernels::is_fast(to_q_.numerics(), x)) {
    at::Tensor squares = kernels::fast::sums_of_squares(x);
    if (parallel_.degree(dist::Axis::tp) > 1)
      squares = dist::all_reduce(parallel_.team(dist::Team::tp), squares, dist::Purpose::tensor);
    return kernels::fast::scaled_and_turned(x, at::rsqrt(squares / dim_ + eps_), weight, heads_,
                                            rope == nullptr ? at::Tensor{} : rope->cos,
                                            rope == nullptr ? at::Tensor{} : rope->sin);
  }
  const at::Tensor heads = split(norm(x, weight));
  return rope == nullptr ? heads : kernels::rotate_pairs(heads, rope->cos, rope->sin);
}

at::Tensor Attention::norm(const at::Tensor& x, const at::Tensor& weight) const {
  if (parallel_.degree(dist::Axis::tp) == 1) return at::rms_norm(x, {dim_}, weight, eps_);
  // The mean is over the heads of all tp ranks.
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor squares = dist::all_reduce(parallel_.team(dist::Team::tp),
                                              wide.square().sum(-1, /*keepdim=*/true), dist::Purpose::tensor);
  return (wide * at::rsqrt(squares / dim_ + eps_) * weight).to(x.scalar_type());
}

at::Tensor Attention::self(const at::Tensor& x, const Tokens& tokens) const {
  const dist::Ulysses ulysses(parallel_, tokens.shares, heads_);
  // Each goes on its way while the next is projected.
  dist::PendingTensors query = ulysses.give_tokens(normed(to_q_(x), norm_q_, &tokens.rope));
  dist::PendingTensors key = ulysses.give_tokens(normed(to_k_(x), norm_k_, &tokens.rope));
  dist::PendingTensors value = ulysses.give_tokens(split(to_v_(x)));
  const at::Tensor q = ulysses.join_tokens(std::move(query));
  const at::Tensor k = ulysses.join_tokens(std::move(key));
  const at::Tensor y =
      ring_attention(to_q_.numerics(), parallel_, tokens.shares, q, k, ulysses.join_tokens(std::move(value)));
  return to_out_(ulysses.give_heads(y).flatten(2, 3));
}

at::Tensor Attention::cross(const at::Tensor& x, const at::Tensor& text, const at::Tensor& image) const {
  const at::Tensor query = normed(to_q_(x), norm_q_);
  const auto looked_at = [&](const at::Tensor& keys, const at::Tensor& values) {
    return kernels::attention(to_q_.numerics(), query, keys, split(values));
  };
  at::Tensor y = looked_at(normed(to_k_(text), norm_k_), to_v_(text));
  if (pictures_) y = y + looked_at(normed(pictures_->to_k(image), pictures_->norm_k), pictures_->to_v(image));
  return to_out_(y.flatten(2, 3));
}

}  // namespace ditmill::models::wan

#include "models/wan/attention.h"

#include <ATen/ATen.h>

#include "models/kernels/rotate_pairs.h"

namespace ditmill::models::wan {

Attention::Attention(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel)
    : heads_(parallel.part(dist::Axis::tp, dims.heads).size()),
      head_dim_(dims.head_dim),
      eps_(dims.eps),
      to_q_(weights.scope("to_q"), dims.dim, heads_ * head_dim_),
      to_k_(weights.scope("to_k"), dims.dim, heads_ * head_dim_),
      to_v_(weights.scope("to_v"), dims.dim, heads_ * head_dim_),
      to_out_(weights.scope("to_out", 0), heads_ * head_dim_, dims.dim),
      norm_q_(weights.take("norm_q.weight", {heads_ * head_dim_})),
      norm_k_(weights.take("norm_k.weight", {heads_ * head_dim_})) {}

Attention::Heads Attention::project(const at::Tensor& x, const at::Tensor& context) const {
  const std::int64_t width = heads_ * head_dim_;
  const auto split = [&](const at::Tensor& y) { return y.unflatten(2, {heads_, head_dim_}); };
  return {split(at::rms_norm(to_q_(x), {width}, norm_q_, eps_)),
          split(at::rms_norm(to_k_(context), {width}, norm_k_, eps_)), split(to_v_(context))};
}

at::Tensor Attention::attend(const Heads& heads) const {
  const at::Tensor y = at::scaled_dot_product_attention(
      heads.query.transpose(1, 2), heads.key.transpose(1, 2), heads.value.transpose(1, 2));
  return to_out_(y.transpose(1, 2).flatten(2, 3));
}

at::Tensor Attention::self(const at::Tensor& x, const RopeTable& rope) const {
  Heads heads = project(x, x);
  heads.query = kernels::rotate_pairs(heads.query, rope.cos, rope.sin);
  heads.key = kernels::rotate_pairs(heads.key, rope.cos, rope.sin);
  return attend(heads);
}

at::Tensor Attention::cross(const at::Tensor& x, const at::Tensor& context) const {
  return attend(project(x, context));
}

}  // namespace ditmill::models::wan

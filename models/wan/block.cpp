#include "models/wan/block.h"

#include <ATen/ATen.h>

#include "models/kernels/modulated_norm.h"

namespace ditmill::models::wan {

Block::Block(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel)
    : ffn_part_(parallel.part(dist::Axis::tp, dims.ffn_dim).size()),
      eps_(dims.eps),
      attn1_(weights.scope("attn1"), dims, parallel),
      attn2_(weights.scope("attn2"), dims, parallel,
             dims.takes_pictures() ? Attention::Pictures::yes : Attention::Pictures::no),
      norm2_weight_(weights.take("norm2.weight", {dims.dim})),
      norm2_bias_(weights.take("norm2.bias", {dims.dim})),
      ffn_in_(weights.scope("ffn.net.0.proj"), dims.dim, ffn_part_),
      ffn_out_(weights.scope("ffn.net.2"), ffn_part_, dims.dim, parallel),
      table_(weights.take("scale_shift_table", {1, 6, dims.dim})) {
  if (dims.norm_added_q) weights.scope("attn2").take("norm_added_q.weight", {dims.dim});  // and let go of it
}

at::Tensor Block::operator()(const at::Tensor& x, const at::Tensor& text, const at::Tensor& image,
                             const at::Tensor& modulation, const Tokens& tokens) const {
  const at::ScalarType dtype = x.scalar_type();
  const std::vector<at::Tensor> m = (table_ + modulation.to(at::kFloat)).chunk(6, 1);

  at::Tensor y = attn1_.self(kernels::modulated_norm(x, m[1], m[0], eps_), tokens);
  at::Tensor sum = (x.to(at::kFloat) + y * m[2]).to(dtype);

  y = at::layer_norm(sum.to(at::kFloat), {sum.size(-1)}, norm2_weight_, norm2_bias_, eps_).to(dtype);
  sum.add_(attn2_.cross(y, text, image));

  y = ffn_in_(kernels::modulated_norm(sum, m[4], m[3], eps_));
  y = ffn_out_(at::gelu_(y, "tanh"));
  return (sum.to(at::kFloat) + y.to(at::kFloat) * m[5]).to(dtype);
}

}  // namespace ditmill::models::wan

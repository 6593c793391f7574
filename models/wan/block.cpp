#include "models/wan/block.h"

#include <ATen/ATen.h>

#include "models/kernels/operators.h"

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
                             const Modulation& modulation, const Tokens& tokens) const {
  const Modulation m =
      modulation.with([this](const at::Tensor& rows) { return table_ + rows.to(at::kFloat); });
  const auto norm = [&](const at::Tensor& y, std::int64_t shift) {
    return m.over(y, [&](const at::Tensor& part, const at::Tensor& rows) {
      return kernels::modulated_norm(ffn_in_.numerics(), part, rows.narrow(1, shift + 1, 1),
                                     rows.narrow(1, shift, 1), eps_);
    });
  };
  const auto gated_sum = [&](const at::Tensor& to, const at::Tensor& y, std::int64_t gate) {
    return m.over(to, y, [&](const at::Tensor& part, const at::Tensor& of_y, const at::Tensor& rows) {
      return kernels::gated_sum(ffn_in_.numerics(), part, of_y, rows.narrow(1, gate, 1));
    });
  };

  at::Tensor sum = gated_sum(x, attn1_.self(norm(x, 0), tokens), 2);
  sum.add_(attn2_.cross(kernels::weighted_norm(ffn_in_.numerics(), sum, norm2_weight_, norm2_bias_, eps_),
                        text, image));
  return gated_sum(sum, ffn_out_(ffn_in_.gelu(norm(sum, 3))), 5);
}

}  // namespace ditmill::models::wan

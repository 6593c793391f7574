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
                             const Modulation& modulation, const Tokens& tokens) const {
  const at::ScalarType dtype = x.scalar_type();
  const Modulation m =
      modulation.with([this](const at::Tensor& rows) { return table_ + rows.to(at::kFloat); });
  const auto norm = [&](const at::Tensor& y, std::int64_t shift) {
    return m.over(y, [&](const at::Tensor& part, const at::Tensor& rows) {
      return kernels::modulated_norm(part, rows.narrow(1, shift + 1, 1), rows.narrow(1, shift, 1), eps_);
    });
  };
  // Multiplied in float32, whatever comes out of the layer before.
  const auto gated = [&](const at::Tensor& y, std::int64_t gate) {
    return m.over(
        y, [&](const at::Tensor& part, const at::Tensor& rows) { return part * rows.narrow(1, gate, 1); });
  };

  at::Tensor y = attn1_.self(norm(x, 0), tokens);
  at::Tensor sum = (x.to(at::kFloat) + gated(y, 2)).to(dtype);

  y = at::layer_norm(sum.to(at::kFloat), {sum.size(-1)}, norm2_weight_, norm2_bias_, eps_).to(dtype);
  sum.add_(attn2_.cross(y, text, image));

  y = ffn_in_(norm(sum, 3));
  y = ffn_out_(at::gelu_(y, "tanh"));
  return (sum.to(at::kFloat) + gated(y.to(at::kFloat), 5)).to(dtype);
}

}  // namespace ditmill::models::wan

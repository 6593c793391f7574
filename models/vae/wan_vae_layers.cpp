#include "models/vae/wan_vae_layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

namespace ditmill::models {
namespace {

constexpr double smallest_length = 1e-12;

std::vector<std::int64_t> gamma_shape(std::int64_t channels, int trailing) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(trailing) + 1, 1);
  shape[0] = channels;
  return shape;
}

}  // namespace

VaeNorm::VaeNorm(const WeightsView& weights, std::int64_t channels, int trailing)
    : gamma_(weights.take("gamma", gamma_shape(channels, trailing))),
      scale_(std::sqrt(static_cast<double>(channels))) {}

at::Tensor VaeNorm::operator()(const at::Tensor& x) const {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor length =
      at::linalg_vector_norm(wide, 2, {{1}}, /*keepdim=*/true).clamp_min(smallest_length);
  return (wide / length).to(x.scalar_type()) * scale_ * gamma_;
}

VaeResidual::VaeResidual(const WeightsView& weights, std::int64_t in, std::int64_t out)
    : norm1_(weights.scope("norm1"), in, 3),
      conv1_(weights.scope("conv1"), in, out, 3, 3),
      norm2_(weights.scope("norm2"), out, 3),
      conv2_(weights.scope("conv2"), out, out, 3, 3) {
  if (in != out) shortcut_.emplace(weights.scope("conv_shortcut"), in, out, 1, 1);
}

at::Tensor VaeResidual::operator()(const at::Tensor& x, CausalState& state) const {
  const at::Tensor straight = shortcut_ ? (*shortcut_)(x) : x;
  const at::Tensor inner = conv1_(at::silu(norm1_(x)), state);
  return conv2_(at::silu(norm2_(inner)), state) + straight;
}

VaeAttention::VaeAttention(const WeightsView& weights, std::int64_t channels)
    : norm_(weights.scope("norm"), channels, 2),
      qkv_weight_(weights.scope("to_qkv").take("weight", {3 * channels, channels, 1, 1})),
      qkv_bias_(weights.scope("to_qkv").take("bias", {3 * channels})),
      proj_weight_(weights.scope("proj").take("weight", {channels, channels, 1, 1})),
      proj_bias_(weights.scope("proj").take("bias", {channels})) {}

at::Tensor VaeAttention::operator()(const at::Tensor& x, const Slab& slab) const {
  const std::int64_t channels = x.size(1), frames = x.size(2), height = x.size(3), width = x.size(4);
  at::Tensor pictures = norm_(frames_as_batch(x));
  const at::Tensor qkv = at::conv2d(pictures, qkv_weight_, qkv_bias_)
                             .reshape({frames, 1, channels * 3, height * width})
                             .permute({0, 1, 3, 2})
                             .contiguous();
  const at::Tensor queries = qkv.narrow(3, 0, channels);
  const at::Tensor others = slab.all_rows(qkv.narrow(3, channels, 2 * channels), 2, width);
  const at::Tensor mixed = at::scaled_dot_product_attention(queries, others.narrow(3, 0, channels),
                                                            others.narrow(3, channels, channels));
  pictures = mixed.squeeze(1).permute({0, 2, 1}).reshape({frames, channels, height, width});
  return batch_as_frames(at::conv2d(pictures, proj_weight_, proj_bias_)) + x;
}

VaeMiddle::VaeMiddle(const WeightsView& weights, std::int64_t channels)
    : first_(weights.scope("resnets", 0), channels, channels),
      attention_(weights.scope("attentions", 0), channels),
      second_(weights.scope("resnets", 1), channels, channels) {}

at::Tensor VaeMiddle::operator()(const at::Tensor& x, CausalState& state) const {
  return second_(attention_(first_(x, state), state.slab()), state);
}

VaeHead::VaeHead(const WeightsView& weights, std::int64_t in, std::int64_t out)
    : norm_(weights.scope("norm_out"), in, 3), conv_(weights.scope("conv_out"), in, out, 3, 3) {}

at::Tensor VaeHead::operator()(const at::Tensor& x, CausalState& state) const {
  return conv_(at::silu(norm_(x)), state);
}

at::Tensor frames_as_batch(const at::Tensor& x) {
  return x.permute({0, 2, 1, 3, 4}).reshape({x.size(2), x.size(1), x.size(3), x.size(4)});
}

at::Tensor batch_as_frames(const at::Tensor& x) { return x.unsqueeze(0).permute({0, 2, 1, 3, 4}); }

}  // namespace ditmill::models

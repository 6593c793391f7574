#include "models/image_encoders/clip_vision_layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <vector>

namespace ditmill::models {
namespace {

WeightsView layer_weights(const WeightsView& weights, std::int64_t layer) {
  return weights.scope("vision_model").scope("encoder").scope("layers", layer);
}

/// Where a layer's q_proj, k_proj and v_proj are: views of the tensor that holds all three, if one does.
WeightsView projections_of(const WeightsView& weights, const ClipVisionDims& dims, std::int64_t layer) {
  if (dims.naming == ClipNaming::transformers) return layer_weights(weights, layer).scope("self_attn");
  dist::TensorMap apart;
  for (const std::string what : {"weight", "bias"}) {
    std::vector<std::int64_t> shape{3 * dims.dim};
    if (what == "weight") shape.push_back(dims.dim);
    const std::vector<at::Tensor> parts =
        weights.take(clip_joined_name(dims.naming, layer, what), shape).chunk(3);
    apart["q_proj." + what] = parts[0];
    apart["k_proj." + what] = parts[1];
    apart["v_proj." + what] = parts[2];
  }
  return {std::move(apart), "image_encoder"};
}

}  // namespace

ClipNorm::ClipNorm(const WeightsView& weights, const ClipVisionDims& dims)
    : weight_(weights.take("weight", {dims.dim})), bias_(weights.take("bias", {dims.dim})), eps_(dims.eps) {}

at::Tensor ClipNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_);
}

ClipVisionLayer::ClipVisionLayer(const WeightsView& weights, const ClipVisionDims& dims, std::int64_t layer)
    : ClipVisionLayer(layer_weights(weights, layer), projections_of(weights, dims, layer), dims) {}

ClipVisionLayer::ClipVisionLayer(const WeightsView& of_layer, const WeightsView& projections,
                                 const ClipVisionDims& dims)
    : heads_(dims.heads),
      head_dim_(dims.dim / dims.heads),
      norm1_(of_layer.scope("layer_norm1"), dims),
      norm2_(of_layer.scope("layer_norm2"), dims),
      q_(projections.scope("q_proj"), dims.dim, dims.dim),
      k_(projections.scope("k_proj"), dims.dim, dims.dim),
      v_(projections.scope("v_proj"), dims.dim, dims.dim),
      out_(of_layer.scope("self_attn").scope("out_proj"), dims.dim, dims.dim),
      fc1_(of_layer.scope("mlp").scope("fc1"), dims.dim, dims.ffn_dim),
      fc2_(of_layer.scope("mlp").scope("fc2"), dims.ffn_dim, dims.dim) {}

at::Tensor ClipVisionLayer::attention(const at::Tensor& x) const {
  const auto heads = [this](const at::Tensor& projected) {
    return projected.unflatten(2, {heads_, head_dim_}).transpose(1, 2);
  };
  const at::Tensor mixed = at::scaled_dot_product_attention(
      heads(q_(x)), heads(k_(x)), heads(v_(x)), /*attn_mask=*/{}, /*dropout_p=*/0.0, /*is_causal=*/false,
      /*scale=*/std::pow(static_cast<double>(head_dim_), -0.5));
  return out_(mixed.transpose(1, 2).flatten(2, 3));
}

at::Tensor ClipVisionLayer::operator()(const at::Tensor& x) const {
  const at::Tensor seen = x + attention(norm1_(x));
  return seen + fc2_(at::gelu(fc1_(norm2_(seen))));
}

}  // namespace ditmill::models

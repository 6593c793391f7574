#include "models/toy/transformer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "models/kernels/operators.h"
#include "models/kernels/timestep_sinusoid.h"

namespace ditmill::models::toy {
namespace {

class PicturePasses final : public ClipPasses {
 public:
  PicturePasses(Transformer& transformer, double detail, at::IntArrayRef latents)
      : transformer_(transformer),
        detail_(detail),
        height_(latents[3]),
        width_(latents[4]),
        places_(transformer.places(height_ / patch_edge, width_ / patch_edge)) {}

  void begin(const at::Tensor& timestep, const dist::TensorMap& told) override {
    conditions_ = transformer_.conditions(timestep, told.at("text"), told.at("style"));
  }
  Streams enter(const at::Tensor& latents) override { return {transformer_.enter(latents, places_)}; }
  Streams pass(Streams streams) override { return {transformer_.pass(streams.front(), conditions_)}; }
  at::Tensor leave(const Streams& streams) override {
    at::Tensor flow = transformer_.leave(streams.front(), conditions_, height_, width_);
    if (detail_ == 1) return flow;  // not a bit of it is to change
    const at::Tensor mean = flow.mean({2, 3, 4}, /*keepdim=*/true);
    return mean + (flow - mean) * detail_;
  }
  std::vector<std::vector<std::int64_t>> shapes() const override {
    return {{1, places_.size(0), transformer_.dims().dim}};
  }

 private:
  Transformer& transformer_;
  double detail_;
  std::int64_t height_;
  std::int64_t width_;
  at::Tensor places_;
  at::Tensor conditions_;
};

}  // namespace

Block::Block(const WeightsView& weights, const Dims& dims)
    : heads_(dims.heads),
      modulation_(weights.scope("modulation"), dims.dim, 6 * dims.dim),
      attention_in_(weights.scope("attention_in"), dims.dim, 3 * dims.dim),
      attention_out_(weights.scope("attention_out"), dims.dim, dims.dim),
      mlp_in_(weights.scope("mlp_in"), dims.dim, dims.ffn),
      mlp_out_(weights.scope("mlp_out"), dims.ffn, dims.dim) {}

at::Tensor Block::attention(const at::Tensor& x) const {
  const std::vector<at::Tensor> qkv = attention_in_(x).unflatten(-1, {3, heads_, -1}).unbind(2);
  const at::Tensor y = at::scaled_dot_product_attention(qkv[0].transpose(1, 2), qkv[1].transpose(1, 2),
                                                        qkv[2].transpose(1, 2));
  return attention_out_(y.transpose(1, 2).flatten(2, 3));
}

at::Tensor Block::operator()(const at::Tensor& x, const at::Tensor& conditions) const {
  const std::vector<at::Tensor> m = modulation_(conditions).unflatten(-1, {6, -1}).chunk(6, 1);
  const at::Tensor sum =
      x + m[2] * attention(kernels::modulated_norm(modulation_.numerics(), x, m[1], m[0], eps));
  return sum +
         m[5] * mlp_out_(mlp_in_.gelu(kernels::modulated_norm(mlp_in_.numerics(), sum, m[4], m[3], eps)));
}

Transformer::Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
                         const ComingBlocks& coming)
    : dims_(dims),
      parallel_(parallel),
      x_embed_(weights.scope("x_embed"), dims.channels * patch_edge * patch_edge, dims.dim),
      time_in_(weights.scope("time_in"), dims.freq_dim, dims.dim),
      time_out_(weights.scope("time_out"), dims.dim, dims.dim),
      text_embed_(weights.scope("text_embed"), dims.text_dim, dims.dim),
      style_embed_(weights.take("style_embed", {styles, dims.dim})),
      blocks_(
          weights, {{.layers = dims.layers}, {.name = "late_blocks", .layers = dims.late_layers}},
          [dims](const WeightsView& of_block, std::size_t /*list*/) {
            return Block{of_block, dims};
          },
          parallel, coming),
      final_modulation_(weights.scope("final.modulation"), dims.dim, 2 * dims.dim),
      final_proj_(weights.scope("final.proj"), dims.dim, dims.channels * patch_edge * patch_edge) {}

at::Tensor Transformer::conditions(const at::Tensor& timestep, const at::Tensor& text,
                                   const at::Tensor& style) const {
  const at::Tensor sinusoid = kernels::timestep_sinusoid(timestep, dims_.freq_dim).to(x_embed_.dtype());
  const at::Tensor time = time_out_(at::silu(time_in_(sinusoid)));
  return at::silu(time + text_embed_(text) + style_embed_.index_select(0, style));
}

at::Tensor Transformer::enter(const at::Tensor& latents, const at::Tensor& places) const {
  const std::int64_t rows = latents.size(3) / patch_edge;
  const std::int64_t columns = latents.size(4) / patch_edge;
  const at::Tensor patches = latents.reshape({1, dims_.channels, rows, patch_edge, columns, patch_edge})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({1, rows * columns, -1});
  return x_embed_(patches) + places;
}

at::Tensor Transformer::pass(const at::Tensor& x, const at::Tensor& conditions) {
  return blocks_(x, [&](const Block& block, const at::Tensor& each) { return block(each, conditions); });
}

at::Tensor Transformer::leave(const at::Tensor& x, const at::Tensor& conditions, std::int64_t height,
                              std::int64_t width) const {
  const std::vector<at::Tensor> m = final_modulation_(conditions).unflatten(-1, {2, -1}).chunk(2, 1);
  return final_proj_(kernels::modulated_norm(final_proj_.numerics(), x, m[1], m[0], eps))
      .reshape({1, height / patch_edge, width / patch_edge, dims_.channels, patch_edge, patch_edge})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({1, dims_.channels, 1, height, width});
}

at::Tensor Transformer::places(std::int64_t rows, std::int64_t columns) const {
  const std::int64_t quarter = dims_.dim / 4;
  const at::Tensor frequency =
      (at::arange(quarter, at::kDouble) * (-std::log(10000.0) / static_cast<double>(quarter))).exp();
  const auto waves = [&](std::int64_t count) {
    const at::Tensor angle = at::arange(count, at::kDouble).unsqueeze(1) * frequency;
    return at::cat({angle.sin(), angle.cos()}, 1);
  };
  const at::Tensor row = waves(rows).unsqueeze(1).expand({rows, columns, 2 * quarter});
  const at::Tensor column = waves(columns).unsqueeze(0).expand({rows, columns, 2 * quarter});
  return at::cat({row, column}, 2).flatten(0, 1).to(options());
}

std::unique_ptr<ClipPasses> ToyDenoiser::clip(at::IntArrayRef latents) {
  return std::make_unique<PicturePasses>(transformer_, detail_, latents);
}

}  // namespace ditmill::models::toy

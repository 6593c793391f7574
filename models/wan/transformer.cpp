#include "models/wan/transformer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "models/kernels/modulated_norm.h"

namespace ditmill::models::wan {
namespace {

std::vector<Block> make_blocks(const WeightsView& weights, const Dims& dims,
                               const dist::ParallelContext& parallel) {
  std::vector<Block> blocks;
  blocks.reserve(static_cast<std::size_t>(dims.layers));
  for (std::int64_t layer = 0; layer < dims.layers; ++layer) {
    blocks.emplace_back(weights.scope("blocks", layer), dims, parallel);
  }
  return blocks;
}

}  // namespace

at::Tensor timestep_sinusoid(const at::Tensor& timestep, std::int64_t width) {
  const std::int64_t half = width / 2;
  const at::Tensor exponent = at::arange(0, half, timestep.options().dtype(at::kFloat)) * -std::log(10000.0) /
                              static_cast<double>(half);
  const at::Tensor angle = timestep.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  at::Tensor embedding = at::cat({angle.cos(), angle.sin()}, -1);
  return width % 2 == 0 ? embedding : at::constant_pad_nd(embedding, {0, 1});
}

Transformer::Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel)
    : dims_(dims),
      patch_weight_(
          weights.take("patch_embedding.weight", {dims.dim, dims.in_channels, 1, patch_edge, patch_edge})),
      patch_bias_(weights.take("patch_embedding.bias", {dims.dim})),
      rope_(dims.head_dim, patch_weight_.device()),
      time_in_(weights.scope("condition_embedder.time_embedder.linear_1"), dims.freq_dim, dims.dim),
      time_out_(weights.scope("condition_embedder.time_embedder.linear_2"), dims.dim, dims.dim),
      time_proj_(weights.scope("condition_embedder.time_proj"), dims.dim, 6 * dims.dim),
      text_in_(weights.scope("condition_embedder.text_embedder.linear_1"), dims.text_dim, dims.dim),
      text_out_(weights.scope("condition_embedder.text_embedder.linear_2"), dims.dim, dims.dim),
      blocks_(make_blocks(weights, dims, parallel)),
      proj_out_(weights.scope("proj_out"), dims.dim, dims.out_channels * patch_edge * patch_edge),
      table_(weights.take("scale_shift_table", {1, 2, dims.dim})) {}

Transformer::Conditions Transformer::embed(const at::Tensor& timestep, const at::Tensor& text) const {
  Conditions out;
  const at::Tensor sinusoid = timestep_sinusoid(timestep, dims_.freq_dim).to(time_in_.dtype());
  out.time = time_out_(at::silu(time_in_(sinusoid))).to(text.scalar_type());
  out.modulation = time_proj_(at::silu(out.time)).unflatten(1, {6, -1});
  out.text = text_out_(at::gelu(text_in_(text), "tanh"));
  return out;
}

at::Tensor Transformer::operator()(const at::Tensor& latents, const at::Tensor& timestep,
                                   const at::Tensor& text) {
  const Grid grid{latents.size(2), latents.size(3) / patch_edge, latents.size(4) / patch_edge};
  const RopeTable rope = rope_.table(grid);
  at::Tensor x = at::conv3d(latents, patch_weight_, patch_bias_, {1, patch_edge, patch_edge});
  x = x.flatten(2).transpose(1, 2).contiguous();

  const Conditions conditions = embed(timestep, text);
  for (const Block& block : blocks_) x = block(x, conditions.text, conditions.modulation, rope);

  const std::vector<at::Tensor> m = (table_ + conditions.time.unsqueeze(1)).chunk(2, 1);
  return unpatchify(proj_out_(kernels::modulated_norm(x, m[1], m[0], dims_.eps)), grid);
}

at::Tensor Transformer::unpatchify(const at::Tensor& tokens, const Grid& grid) const {
  // A token holds its patch with the channel fastest: time, height, width, (1, 2, 2), channel.
  return tokens.reshape({tokens.size(0), grid[0], grid[1], grid[2], patch_edge, patch_edge, -1})
      .permute({0, 6, 1, 2, 4, 3, 5})
      .reshape({tokens.size(0), dims_.out_channels, grid[0], grid[1] * patch_edge, grid[2] * patch_edge});
}

}  // namespace ditmill::models::wan

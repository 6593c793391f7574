#include "models/wan/transformer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "configs/error.h"
#include "dist/comm/tensors.h"
#include "models/kernels/operators.h"
#include "models/kernels/timestep_sinusoid.h"

namespace ditmill::models::wan {

Transformer::Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
                         const ComingBlocks& coming)
    : dims_(dims),
      parallel_(parallel),
      time_in_(weights.scope("condition_embedder.time_embedder.linear_1"), dims.freq_dim, dims.dim),
      time_out_(weights.scope("condition_embedder.time_embedder.linear_2"), dims.dim, dims.dim),
      time_proj_(weights.scope("condition_embedder.time_proj"), dims.dim, 6 * dims.dim),
      text_in_(weights.scope("condition_embedder.text_embedder.linear_1"), dims.text_dim, dims.dim),
      text_out_(weights.scope("condition_embedder.text_embedder.linear_2"), dims.dim, dims.dim),
      blocks_(
          weights, {{.layers = dims.layers}},
          [dims, parallel](const WeightsView& of_block, std::size_t /*list*/) {
            return Block{of_block, dims, parallel};
          },
          parallel, coming),
      rope_(dims.head_dim, text_in_.options().device()) {
  if (dims.takes_pictures()) image_.emplace(weights.scope("condition_embedder.image_embedder"), dims);
  if (is_first_stage()) {
    entrance_ = {
        weights.take("patch_embedding.weight", {dims.dim, dims.in_channels, 1, patch_edge, patch_edge}),
        weights.take("patch_embedding.bias", {dims.dim})};
  }
  if (is_last_stage()) {
    exit_ = {Linear(weights.scope("proj_out"), dims.dim, dims.out_channels * patch_edge * patch_edge),
             weights.take("scale_shift_table", {1, 2, dims.dim})};
  }
}

Transformer::Conditions Transformer::embed(const at::Tensor& timestep, const at::Tensor& text,
                                           const at::Tensor& image) const {
  if (image.defined() != image_.has_value()) {
    throw Error{Category::internal,
                "tell the transformer what its pictures show",
                {},
                Expected{image_ ? "tokens of pictures" : "none, for it takes no pictures"},
                Got{image.defined() ? "some" : "none"}};
  }
  Conditions out;
  out.time = {time_of(timestep)};
  out.modulation = out.time.with([this](const at::Tensor& time) {
    return time_proj_(at::silu(time)).unflatten(1, {6, -1});
  });
  out.text = text_out_(at::gelu(text_in_(text), "tanh"));
  if (image_) out.image = (*image_)(image);
  return out;
}

at::Tensor Transformer::time_of(const at::Tensor& timestep) const {
  const at::Tensor sinusoid = kernels::timestep_sinusoid(timestep, dims_.freq_dim).to(time_in_.dtype());
  return time_out_(at::silu(time_in_(sinusoid))).to(dtype());
}

void Transformer::hold_still(Conditions& conditions, const Tokens& tokens, const Grid& grid) const {
  const dist::Range mine = tokens.shares.mine();
  const std::int64_t given = std::clamp(grid[1] * grid[2], mine.begin, mine.end) - mine.begin;
  const at::Tensor time =
      time_of(at::zeros({conditions.time.rows.size(0)}, conditions.time.rows.options().dtype(at::kFloat)));
  conditions.time.still = time;
  conditions.time.still_tokens = given;
  conditions.modulation.still = time_proj_(at::silu(time)).unflatten(1, {6, -1});
  conditions.modulation.still_tokens = given;
}

Grid Transformer::grid_of(at::IntArrayRef latents) {
  return {latents[2], latents[3] / patch_edge, latents[4] / patch_edge};
}

Tokens Transformer::tokens(const Grid& grid) {
  const RopeTable& all = rope_.table(grid);
  const dist::TokenShares shares(parallel_, all.cos.size(1));
  const dist::Range mine = shares.mine();
  return {shares, {all.cos.narrow(1, mine.begin, mine.size()), all.sin.narrow(1, mine.begin, mine.size())}};
}

at::Tensor Transformer::enter(const at::Tensor& latents, const Tokens& tokens) const {
  const at::Tensor x =
      at::conv3d(latents, entrance_->weight, entrance_->bias, {1, patch_edge, patch_edge}).flatten(2);
  const dist::Range mine = tokens.shares.mine();
  return x.narrow(2, mine.begin, mine.size()).transpose(1, 2).contiguous();
}

at::Tensor Transformer::leave(const at::Tensor& x, const Conditions& conditions, const Tokens& tokens,
                              const Grid& grid) const {
  const Modulation m =
      conditions.time.with([this](const at::Tensor& time) { return exit_->table + time.unsqueeze(1); });
  at::Tensor out = exit_->proj(m.over(x, [this](const at::Tensor& part, const at::Tensor& rows) {
    return kernels::modulated_norm(time_in_.numerics(), part, rows.narrow(1, 1, 1), rows.narrow(1, 0, 1),
                                   dims_.eps);
  }));
  if (parallel_.size(dist::Team::sequence) > 1) {
    out = dist::all_gather(parallel_.team(dist::Team::sequence), out, 1, tokens.shares.sizes(),
                           dist::Purpose::sequence);
  }
  return unpatchify(out, grid);
}

at::Tensor Transformer::operator()(const at::Tensor& latents, const at::Tensor& timestep,
                                   const at::Tensor& text, const at::Tensor& image) {
  const Grid grid = grid_of(latents.sizes());
  const Tokens mine = tokens(grid);
  const Conditions conditions = embed(timestep, text, image);
  return leave(pass(enter(latents, mine), conditions, mine), conditions, mine, grid);
}

at::Tensor Transformer::unpatchify(const at::Tensor& tokens, const Grid& grid) const {
  // A token holds its patch with the channel fastest: time, height, width, (1, 2, 2), channel.
  return tokens.reshape({tokens.size(0), grid[0], grid[1], grid[2], patch_edge, patch_edge, -1})
      .permute({0, 6, 1, 2, 4, 3, 5})
      .reshape({tokens.size(0), dims_.out_channels, grid[0], grid[1] * patch_edge, grid[2] * patch_edge});
}

}  // namespace ditmill::models::wan

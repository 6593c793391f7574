#pragma once

#include <vector>

#include "models/denoise/denoiser.h"
#include "models/parallel/block_stack.h"
#include "models/parallel/linear.h"
#include "models/toy/dims.h"

namespace ditmill::models::toy {

/// One block: attention and an MLP, each behind a norm, modulated and gated by the conditions.
class Block {
 public:
  Block(const WeightsView& weights, const Dims& dims);
  /// x [1, tokens, dim]; conditions [1, dim], through SiLU.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& conditions) const;

 private:
  at::Tensor attention(const at::Tensor& x) const;

  std::int64_t heads_;
  Linear modulation_, attention_in_, attention_out_, mlp_in_, mlp_out_;
};

/// The Toy transformer: predicts the flow of a picture's latent. Every rank of a group has all of it.
class Transformer {
 public:
  /// Takes every tensor of `weights`. The caller calls finish().
  Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
              const ComingBlocks& coming = {});

  /// timestep [1], float32; text [1, text_dim], the mean of its rows; style [1], int64. Returns [1, dim].
  at::Tensor conditions(const at::Tensor& timestep, const at::Tensor& text, const at::Tensor& style) const;
  /// latents [1, channels, 1, height, width] to tokens [1, tokens, dim], their places added.
  at::Tensor enter(const at::Tensor& latents, const at::Tensor& places) const;
  at::Tensor pass(const at::Tensor& x, const at::Tensor& conditions);
  /// Tokens to the flow of latents of that height and width.
  at::Tensor leave(const at::Tensor& x, const at::Tensor& conditions, std::int64_t height,
                   std::int64_t width) const;
  /// The table of places of patches [rows * columns, dim], columns fastest: sine and cosine of the row, then
  /// of the column, times dim/4 frequencies from 1 down to almost 1/10000.
  at::Tensor places(std::int64_t rows, std::int64_t columns) const;

  const Dims& dims() const noexcept { return dims_; }
  const dist::ParallelContext& parallel() const noexcept { return parallel_; }
  at::TensorOptions options() const { return x_embed_.options(); }

 private:
  Dims dims_;
  dist::ParallelContext parallel_;
  Linear x_embed_, time_in_, time_out_, text_embed_;
  at::Tensor style_embed_;
  BlockStack<Block> blocks_;
  Linear final_modulation_, final_proj_;
};

/// The transformer as the loop of denoising takes it; passes are told a "text" and a "style" as conditions()
/// takes them. What predictions differ by from their channels' means is multiplied by `detail`.
class ToyDenoiser final : public Denoiser {
 public:
  /// `transformer` outlives it.
  ToyDenoiser(Transformer& transformer, double detail) noexcept
      : transformer_(transformer), detail_(detail) {}

  const dist::ParallelContext& parallel() const noexcept override { return transformer_.parallel(); }
  at::TensorOptions options() const override { return transformer_.options(); }
  std::unique_ptr<ClipPasses> clip(at::IntArrayRef latents) override;

 private:
  Transformer& transformer_;
  double detail_;
};

}  // namespace ditmill::models::toy

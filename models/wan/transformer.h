#pragma once

#include <optional>

#include "models/parallel/block_stack.h"
#include "models/wan/block.h"
#include "models/wan/image_embedder.h"
#include "models/wan/rope.h"

namespace ditmill::models::wan {

/// The Wan diffusion transformer: one forward pass predicts the flow of a latent at a timestep.
/// On several ranks each holds its tokens, its heads and its pipeline stage. Not thread-safe.
class Transformer {
 public:
  /// What a forward pass is told beside the latents, as the blocks take it.
  struct Conditions {
    Modulation time;        ///< of rows [batch, dim]
    Modulation modulation;  ///< of rows [batch, 6, dim]
    at::Tensor text;        ///< [batch, text tokens, dim]
    at::Tensor image;       ///< [batch, image tokens, dim]; undefined where there are no pictures
  };

  /// Takes every tensor of `weights`: those of this rank's stage. The caller calls finish().
  Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
              const ComingBlocks& coming = {});

  /// latents [batch, in_channels, frames, height, width] in dtype(), height and width even, equal on all
  /// ranks; timestep [batch], float32; text [batch, text tokens, text width] in dtype(); image as embed()
  /// takes it. Returns the flow, in the latents' shape but of out_channels, in their dtype, on all ranks. For
  /// pipelines of one stage; the parts below are for others.
  at::Tensor operator()(const at::Tensor& latents, const at::Tensor& timestep, const at::Tensor& text,
                        const at::Tensor& image = {});

  /// image [batch, image tokens, image_dim] in dtype(): what CLIP says of a picture; of a first and a last
  /// one the two below each other. Throws Error(internal) unless it is there where the model takes pictures,
  /// with the tokens of as many as it has places for.
  Conditions embed(const at::Tensor& timestep, const at::Tensor& text, const at::Tensor& image = {}) const;
  /// Sets the first of this rank's tokens, those of a frame that is given, to timestep 0 [batch], float32.
  void hold_still(Conditions& conditions, const Tokens& tokens, const Grid& grid) const;
  /// The grid of latents of this shape.
  static Grid grid_of(at::IntArrayRef latents);
  /// This rank's tokens of a grid.
  Tokens tokens(const Grid& grid);
  /// Latents to tokens [batch, my tokens, dim]: on the first stage.
  at::Tensor enter(const at::Tensor& latents, const Tokens& tokens) const;
  /// Tokens through the blocks of this stage.
  at::Tensor pass(const at::Tensor& x, const Conditions& conditions, const Tokens& tokens) {
    return blocks_(x, [&](const Block& block, const at::Tensor& each) {
      return block(each, conditions.text, conditions.image, conditions.modulation, tokens);
    });
  }
  /// Tokens to the flow, gathered from all ranks of the sequence team: on the last stage.
  at::Tensor leave(const at::Tensor& x, const Conditions& conditions, const Tokens& tokens,
                   const Grid& grid) const;

  const Dims& dims() const noexcept { return dims_; }
  const dist::ParallelContext& parallel() const noexcept { return parallel_; }
  bool is_first_stage() const noexcept { return parallel_.index(dist::Axis::pp) == 0; }
  bool is_last_stage() const noexcept {
    return parallel_.index(dist::Axis::pp) == parallel_.degree(dist::Axis::pp) - 1;
  }
  /// The type that most weights are kept in, and that the blocks compute in; and where.
  at::TensorOptions options() const { return text_in_.options(); }
  at::ScalarType dtype() const { return text_in_.dtype(); }

 private:
  struct Entrance {
    at::Tensor weight, bias;
  };
  struct Exit {
    Linear proj;
    at::Tensor table;
  };

  /// [batch, dim] of timesteps [batch], in the type that texts come in.
  at::Tensor time_of(const at::Tensor& timestep) const;
  at::Tensor unpatchify(const at::Tensor& tokens, const Grid& grid) const;

  Dims dims_;
  dist::ParallelContext parallel_;
  Linear time_in_, time_out_, time_proj_;
  Linear text_in_, text_out_;
  std::optional<ImageEmbedder> image_;  ///< of models that take pictures
  std::optional<Entrance> entrance_;    ///< on the first stage
  BlockStack<Block> blocks_;
  std::optional<Exit> exit_;  ///< on the last stage
  Rope rope_;
};

}  // namespace ditmill::models::wan

#pragma once

#include <vector>

#include "models/wan/block.h"
#include "models/wan/rope.h"

namespace ditmill::models::wan {

/// The Wan text-to-video diffusion transformer: one forward pass predicts the flow of a latent at a timestep.
/// Not thread-safe.
class Transformer {
 public:
  /// Takes every tensor of `weights`; the caller calls finish().
  Transformer(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel);

  /// latents [batch, channels, frames, height, width] in dtype(), height and width even; timestep [batch],
  /// float32; text [batch, text tokens, text width] in dtype(). Returns the latents' shape and dtype.
  at::Tensor operator()(const at::Tensor& latents, const at::Tensor& timestep, const at::Tensor& text);

  const Dims& dims() const noexcept { return dims_; }
  /// The type that most weights are kept in, and that the blocks compute in; and where.
  at::TensorOptions options() const { return patch_weight_.options(); }
  at::ScalarType dtype() const { return patch_weight_.scalar_type(); }

 private:
  struct Conditions {
    at::Tensor time;        ///< [batch, dim]
    at::Tensor modulation;  ///< [batch, 6, dim]
    at::Tensor text;        ///< [batch, text tokens, dim]
  };
  Conditions embed(const at::Tensor& timestep, const at::Tensor& text) const;
  at::Tensor unpatchify(const at::Tensor& tokens, const Grid& grid) const;

  Dims dims_;
  at::Tensor patch_weight_, patch_bias_;
  Rope rope_;
  Linear time_in_, time_out_, time_proj_;
  Linear text_in_, text_out_;
  std::vector<Block> blocks_;
  Linear proj_out_;
  at::Tensor table_;
};

/// cos and sin of timestep [batch] times `width`/2 frequencies from 1 down to almost 1/10000: [batch, width],
/// float32, cosines first.
at::Tensor timestep_sinusoid(const at::Tensor& timestep, std::int64_t width);

}  // namespace ditmill::models::wan

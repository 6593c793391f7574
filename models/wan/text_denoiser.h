#pragma once

#include "models/denoise/denoiser.h"
#include "models/wan/transformer.h"

namespace ditmill::models::wan {

/// A trimmed embedding [tokens, width] as transformers are told it: padded with zeros to 512 tokens, as
/// "text" [1, 512, width]; each casts it to its own type.
dist::TensorMap told_text(const at::Tensor& embedding, const at::TensorOptions& options);

/// The transformer as the loop of denoising takes it; passes are told a "text" and, of pictures, what the
/// model takes: an "image" [1, image tokens, image_dim], what CLIP says of them; a "condition", channels that
/// stand behind those of the latents; or "first" [1, channels, 1, height, width], the latents of a first
/// frame that is given, and that no timestep moves.
class TextDenoiser final : public Denoiser {
 public:
  /// `transformer` outlives it.
  explicit TextDenoiser(Transformer& transformer) noexcept : transformer_(transformer) {}

  const dist::ParallelContext& parallel() const noexcept override { return transformer_.parallel(); }
  at::TensorOptions options() const override { return transformer_.options(); }
  std::unique_ptr<ClipPasses> clip(at::IntArrayRef latents) override;

 private:
  Transformer& transformer_;
};

}  // namespace ditmill::models::wan

#pragma once

#include "models/generator.h"
#include "models/offload/visiting.h"
#include "models/vae/wan_decoder.h"

namespace ditmill::models {

/// ClipGenerator::decode() by Wan's VAE (2.1's or 2.2's), whose weights may be here only while it is used.
class WanClipDecoder {
 public:
  /// Takes the weights of "vae" out of the model.
  WanClipDecoder(LoadedModel& model, const configs::PipelineConfig& pipeline,
                 const dist::ParallelContext& parallel);

  /// The "frames" of latents.
  dist::TensorMap operator()(const at::Tensor& latents);

 private:
  /// Throws on all ranks if the rows of any of them are not finite.
  void require_finite(const at::Tensor& decoded) const;

  std::optional<configs::VaeTiling> tiling_;
  dist::ParallelContext parallel_;
  Visiting<WanDecoder> decoder_;
};

}  // namespace ditmill::models

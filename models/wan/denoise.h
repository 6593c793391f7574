#pragma once

#include <string>

#include "models/samplers/sampler.h"
#include "models/wan/transformer.h"

namespace ditmill::models::wan {

/// What one clip is made from. Texts are [1, 512, text width] in the transformer's dtype.
struct DenoiseInput {
  at::Tensor noise;  ///< [1, channels, frames, height, width], float32
  at::Tensor text;
  at::Tensor negative;  ///< not looked at where guidance is off
  double guidance_scale = 1;
  std::string item;  ///< names it in messages
};

/// A trimmed embedding [tokens, width] as the transformer takes it: padded with zeros to 512 tokens, then
/// cast.
at::Tensor pad_text(const at::Tensor& embedding, const at::TensorOptions& options);

/// Runs all steps of the sampler. Returns latents [1, channels, frames, height, width] in the sampler's
/// dtype. Throws Error(numeric) naming the first step after which they are not finite.
at::Tensor denoise(Transformer& transformer, Sampler& sampler, const DenoiseInput& input);

}  // namespace ditmill::models::wan

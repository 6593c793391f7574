#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
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
  std::shared_ptr<Sampler> sampler = {};
};

/// What became of it, equal on all ranks.
struct Denoised {
  at::Tensor latents;            ///< [1, channels, frames, height, width] in the sampler's dtype
  std::optional<Error> failure;  ///< numeric, naming the first step after which they were not finite
};

/// A trimmed embedding [tokens, width] as the transformer takes it: padded with zeros to 512 tokens, then
/// cast.
at::Tensor pad_text(const at::Tensor& embedding, const at::TensorOptions& options);

/// Is told before each step of the sampler which one begins, from 0.
using AtStep = std::function<void(int step)>;

/// Runs all steps of all clips, whose samplers have as many. With cfg each half of the ranks makes one of the
/// two predictions of a step. Pipeline stages take the predictions of all clips one after the other, so that
/// several clips keep all stages busy; each prediction is what it would be alone. Collective over the ranks
/// of a group.
std::vector<Denoised> denoise(Transformer& transformer, std::span<const DenoiseInput> clips,
                              const AtStep& at_step = {});

}  // namespace ditmill::models::wan

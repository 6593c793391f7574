#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "models/denoise/denoiser.h"
#include "models/samplers/sampler.h"

namespace ditmill::models {

/// What one clip is made from. What passes are told is in the form that the model takes.
struct DenoiseInput {
  at::Tensor noise;  ///< [1, channels, frames, height, width], float32
  dist::TensorMap told;
  dist::TensorMap told_instead;  ///< in the other pass of guidance; not looked at where there is none
  double guidance_scale = 1;
  std::string item;  ///< names it in messages
  std::shared_ptr<Sampler> sampler = {};
};

/// What became of it, equal on all ranks.
struct Denoised {
  at::Tensor latents;            ///< [1, channels, frames, height, width] in the sampler's dtype
  std::optional<Error> failure;  ///< numeric, naming the first step after which they were not finite
};

/// Is told before each step of the sampler which one begins, from 0.
using AtStep = std::function<void(int step)>;

/// Runs all steps of all clips, whose samplers have as many. With cfg each half of the ranks makes one of the
/// two predictions of a step. Pipeline stages take the predictions of all clips one after the other, so that
/// several clips keep all stages busy; each prediction is what it would be alone. Collective over the ranks
/// of a group.
std::vector<Denoised> denoise(Denoiser& denoiser, std::span<const DenoiseInput> clips,
                              const AtStep& at_step = {});

}  // namespace ditmill::models

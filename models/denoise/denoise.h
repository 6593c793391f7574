#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "models/denoise/denoiser.h"
#include "models/denoise/guidance.h"
#include "models/samplers/sampler.h"

namespace ditmill::models {

/// What one clip is made from.
struct DenoiseInput {
  at::Tensor noise;  ///< [1, channels, frames, height, width], float32
  std::vector<dist::TensorMap> told =
      {};            ///< what each pass of a step is told, in the form that the model takes
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

/// Steps from, from + 1, ... to - 1 of a sampler.
struct StepRange {
  int from = 0;
  int to = 0;
};

/// Clips on their way through the steps, whose samplers have as many. Between two runs they wait, and other
/// clips may run. With cfg the ranks share the passes of a step. Pipeline stages take the predictions of all
/// clips one after the other, so that several clips keep all stages busy; each prediction is what it would be
/// alone. Collective over the ranks of a group.
class Denoising {
 public:
  Denoising(std::vector<DenoiseInput> clips, const dist::ParallelContext& parallel);
  Denoising(Denoising&&) noexcept;
  ~Denoising();

  /// Runs steps of all clips with one denoiser, from where the run before ended. Experts that take turns are
  /// a run each: one sampler goes through.
  void run(Denoiser& denoiser, const Guidance& guidance, StepRange steps, const AtStep& at_step = {});
  /// After all steps.
  std::vector<Denoised> finish();

 private:
  class Clips;
  std::unique_ptr<Clips> clips_;
};

/// All steps with one denoiser.
std::vector<Denoised> denoise(Denoiser& denoiser, std::vector<DenoiseInput> clips, const Guidance& guidance,
                              const AtStep& at_step = {});

}  // namespace ditmill::models

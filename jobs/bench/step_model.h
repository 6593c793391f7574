#pragma once

#include <memory>
#include <vector>

#include "dist/parallel_context.h"
#include "jobs/bench/random_weights.h"
#include "jobs/bench/step_setup.h"
#include "models/denoise/denoising_generator.h"

namespace ditmill::jobs::bench {

/// A rank's transformer with weights that it drew, at work: its layers, one of its clips at a time.
class StepModel {
 public:
  StepModel(const StepSetup& setup, const dist::ParallelContext& parallel, RandomWeights weights,
            const at::Device& device);

  models::Denoiser& denoiser() const noexcept { return *denoiser_; }
  const models::Guidance& guidance() const noexcept { return *turn_.guidance; }
  /// A clip whose latents and encodings are noise, drawn from its number.
  models::DenoiseInput clip(int number) const;
  std::unique_ptr<models::ClipPasses> passes() const;

 private:
  const StepSetup& setup_;
  std::unique_ptr<models::DenoisingGenerator> generator_;
  models::Turn turn_;
  std::unique_ptr<models::Denoiser> denoiser_;
};

}  // namespace ditmill::jobs::bench

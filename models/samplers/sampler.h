#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "configs/pipeline_config.h"
#include "models/samplers/sigmas.h"

namespace ditmill::models {

/// One denoising run of one latent: state goes from step to step, so every item has a sampler of its own.
class Sampler {
 public:
  virtual ~Sampler() = default;

  virtual int steps() const noexcept = 0;
  /// What the transformer is told at step 0 .. steps()-1.
  virtual float timestep(int step) const = 0;
  /// The next sample from the current one and the flow predicted at it, both [batch, channels, frames,
  /// height, width]. Called once a step, in order.
  virtual at::Tensor advance(const at::Tensor& flow, const at::Tensor& sample) = 0;
};

/// Half the logarithm of signal to noise at a level: minus infinity where all is noise, infinity where none
/// is.
at::Tensor half_log_snr(const at::Tensor& sigma);

/// The noise levels of a solver. steps >= 1, flow_shift > 0.
Schedule make_schedule(configs::Solver solver, int steps, double flow_shift);
/// steps >= 1, flow_shift > 0.
std::unique_ptr<Sampler> make_sampler(configs::Solver solver, int steps, double flow_shift);

}  // namespace ditmill::models

#pragma once

#include <vector>

#include "models/samplers/sampler.h"

namespace ditmill::models {

/// DPM-Solver++(2M) on the flow, midpoint form, predicting x0; the first and the last step are of order 1.
/// Samples become float32. "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models"
/// (Lu et al., 2022).
class DpmSolver final : public Sampler {
 public:
  explicit DpmSolver(Schedule schedule);

  int steps() const noexcept override { return static_cast<int>(timesteps_.size()); }
  float timestep(int step) const override { return timesteps_.at(static_cast<std::size_t>(step)); }
  at::Tensor advance(const at::Tensor& flow, const at::Tensor& sample) override;

 private:
  at::Tensor lambda(int level) const;

  std::vector<float> timesteps_;
  at::Tensor sigmas_;  ///< float32; its elements are used as tensors, so that they do not widen a product
  int step_ = 0;
  at::Tensor x0_before_;  ///< of the step before
};

}  // namespace ditmill::models

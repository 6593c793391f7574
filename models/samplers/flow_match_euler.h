#pragma once

#include "models/samplers/sampler.h"
#include "models/samplers/sigmas.h"

namespace ditmill::models {

/// Euler's method on the flow: sample + (sigma' - sigma) * flow in float32, cast to the flow's dtype.
class FlowMatchEuler final : public Sampler {
 public:
  explicit FlowMatchEuler(Schedule schedule) : schedule_(std::move(schedule)) {}

  int steps() const noexcept override { return static_cast<int>(schedule_.timesteps.size()); }
  float timestep(int step) const override { return schedule_.timesteps.at(static_cast<std::size_t>(step)); }
  at::Tensor advance(const at::Tensor& flow, const at::Tensor& sample) override;

 private:
  Schedule schedule_;
  std::size_t step_ = 0;
};

}  // namespace ditmill::models

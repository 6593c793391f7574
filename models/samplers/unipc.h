#pragma once

#include <vector>

#include "models/samplers/sampler.h"
#include "models/samplers/sigmas.h"

namespace ditmill::models {

/// UniPC of order 2 (B(h) = e^h - 1, predicting x0 from the flow), each step corrected by the next one's x0;
/// the first and the last step are of order 1. Samples stay in the dtype of the first. "UniPC: A Unified
/// Predictor-Corrector Framework" (Zhao et al., 2023).
class UniPc final : public Sampler {
 public:
  explicit UniPc(Schedule schedule);

  int steps() const noexcept override { return static_cast<int>(timesteps_.size()); }
  float timestep(int step) const override { return timesteps_.at(static_cast<std::size_t>(step)); }
  at::Tensor advance(const at::Tensor& flow, const at::Tensor& sample) override;

 private:
  struct Interval;
  Interval interval(int from, int to, int before, int order) const;
  at::Tensor correct(const at::Tensor& x0) const;
  at::Tensor predict(const at::Tensor& sample, int order) const;

  std::vector<float> timesteps_;
  at::Tensor sigmas_;  ///< float32; its elements are used as tensors, so that they do not widen a product
  int step_ = 0;
  int order_ = 0;           ///< of the last prediction
  at::Tensor x0_;           ///< of the step before
  at::Tensor x0_before_;    ///< of the step before that
  at::Tensor last_sample_;  ///< what the last prediction started from
};

}  // namespace ditmill::models

#include "models/samplers/dpm_solver.h"

#include <ATen/ATen.h>

#include <utility>

namespace ditmill::models {

DpmSolver::DpmSolver(Schedule schedule)
    : timesteps_(std::move(schedule.timesteps)),
      sigmas_(at::tensor(schedule.sigmas, at::TensorOptions(at::kFloat))) {}

at::Tensor DpmSolver::lambda(int level) const { return half_log_snr(sigmas_[level]); }

at::Tensor DpmSolver::advance(const at::Tensor& flow, const at::Tensor& sample) {
  const at::Tensor x0 = sample - sigmas_[step_] * flow;
  const at::Tensor h = lambda(step_ + 1) - lambda(step_);
  const at::Tensor weight = at::rsub(sigmas_[step_ + 1], 1) * (at::exp(-h) - 1.0);
  at::Tensor next = (sigmas_[step_ + 1] / sigmas_[step_]) * sample.to(at::kFloat) - weight * x0;
  if (step_ > 0 && step_ + 1 < steps()) {
    const at::Tensor ratio = (lambda(step_) - lambda(step_ - 1)) / h;
    const at::Tensor slope = at::reciprocal(ratio) * (x0 - x0_before_);
    next = next - 0.5 * weight * slope;
  }
  x0_before_ = x0;
  ++step_;
  return next.to(x0.scalar_type());
}

}  // namespace ditmill::models

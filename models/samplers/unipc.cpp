#include "models/samplers/unipc.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ditmill::models {
namespace {

constexpr int highest_order = 2;

/// A weight of the sum over past differences. Scalars are made on the host, as in diffusers; only what einsum
/// takes has to be where the samples are.
at::Tensor half(const at::Device& device) {
  return (at::ones({1}, at::TensorOptions(at::kFloat)) * 0.5).to(device);
}

}  // namespace

/// What UniPC needs of the way between two noise levels; scalars are float32 tensors of no dimensions.
struct UniPc::Interval {
  at::Tensor sigma_ratio;  ///< sigma_to / sigma_from
  at::Tensor alpha;        ///< 1 - sigma_to
  at::Tensor b;            ///< B(h) = e^-h - 1
  at::Tensor ratio;        ///< order 2: where the level before `from` lies, in units of h
  at::Tensor h;            ///< -h
};

UniPc::UniPc(Schedule schedule)
    : timesteps_(std::move(schedule.timesteps)),
      sigmas_(at::tensor(schedule.sigmas, at::TensorOptions(at::kFloat))) {}

UniPc::Interval UniPc::interval(int from, int to, int before, int order) const {
  const auto lambda = [&](int index) { return half_log_snr(sigmas_[index]); };
  const at::Tensor lambda_from = lambda(from);
  const at::Tensor h = lambda(to) - lambda_from;
  Interval out;
  out.sigma_ratio = sigmas_[to] / sigmas_[from];
  out.alpha = at::rsub(sigmas_[to], 1);
  out.h = -h;
  out.b = at::expm1(out.h);
  if (order == 2) out.ratio = (lambda(before) - lambda_from) / h;
  return out;
}

at::Tensor UniPc::correct(const at::Tensor& x0) const {
  const Interval way = interval(step_ - 1, step_, step_ - 2, order_);
  const at::Tensor base = way.sigma_ratio * last_sample_ - way.alpha * way.b * x0_;
  const at::Tensor change = x0 - x0_;
  if (order_ == 1)
    return (base - way.alpha * way.b * (half(change.device())[0] * change)).to(last_sample_.scalar_type());

  // The weights of the two differences solve the order conditions; moments of e^h are divided by B(h).
  const at::Tensor ratios = at::stack({way.ratio, at::ones({}, way.ratio.options())});
  const at::Tensor matrix = at::stack({at::pow(ratios, 0), at::pow(ratios, 1)});
  const at::Tensor first = way.b / way.h - 1;
  const at::Tensor second = first / way.h - 0.5;
  const at::Tensor rhs = at::stack({first * 1 / way.b, second * 2 / way.b});
  const at::Tensor weights = at::linalg_solve(matrix, rhs).to(last_sample_.options());

  const at::Tensor history = at::stack({(x0_before_ - x0_) / way.ratio}, 1);
  const at::Tensor past = at::einsum("k,bkc...->bc...", {weights.slice(0, 0, 1), history});
  return (base - way.alpha * way.b * (past + weights[1] * change)).to(last_sample_.scalar_type());
}

at::Tensor UniPc::predict(const at::Tensor& sample, int order) const {
  const Interval way = interval(step_, step_ + 1, step_ - 1, order);
  at::Tensor next = way.sigma_ratio * sample - way.alpha * way.b * x0_;
  if (order == 2) {
    const at::Tensor history = at::stack({(x0_before_ - x0_) / way.ratio}, 1);
    next = next - way.alpha * way.b * at::einsum("k,bkc...->bc...", {half(history.device()), history});
  }
  return next.to(sample.scalar_type());
}

at::Tensor UniPc::advance(const at::Tensor& flow, const at::Tensor& sample) {
  const at::Tensor x0 = sample - sigmas_[step_] * flow;
  const at::Tensor corrected = step_ > 0 ? correct(x0) : sample;
  x0_before_ = x0_;
  x0_ = x0;
  order_ = std::min({highest_order, steps() - step_, step_ + 1});
  last_sample_ = corrected;
  at::Tensor next = predict(corrected, order_);
  ++step_;
  return next;
}

}  // namespace ditmill::models

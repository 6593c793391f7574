#include "jobs/plan/pilot/cost.h"

#include <algorithm>
#include <cmath>

namespace ditmill::jobs::plan {
namespace {

/// Products of weights and of tokens run at rates that differ by less than this on any machine: a fit that
/// says otherwise has followed the noise.
constexpr double most_apart = 4;

double pixels(const std::array<int, 3>& size) { return 1.0 * size[0] * size[1] * size[2]; }
std::array<int, 3> size_of(const SizeClass& measured) {
  return {measured.width, measured.height, measured.frames};
}

/// The measured class that is nearest in what `amount` says, by factor.
template <typename Amount>
const SizeClass& nearest(const std::vector<SizeClass>& classes, double wanted, const Amount& amount) {
  return *std::ranges::min_element(
      classes, {}, [&](const SizeClass& each) { return std::abs(std::log(amount(size_of(each)) / wanted)); });
}

}  // namespace

CostModel::CostModel(const Pilot& pilot, const PreparedJob& job) : pilot_(&pilot), job_(&job) {
  for (const SizeClass& measured : pilot.classes) {
    costs_[size_of(measured)] = {.seconds = measured.seconds.median + pilot.pause_seconds,
                                 .bytes = measured.bytes};
  }
  if (job.family != nullptr) fit();
}

ItemCost CostModel::of(int width, int height, int frames) {
  const Size size{width, height, frames};
  const auto found = costs_.find(size);
  if (found != costs_.end()) return found->second;
  return costs_[size] = estimate(size);
}

models::DenoiseFlops CostModel::flops(const Size& size) const {
  configs::Request request;
  request.width = size[0];
  request.height = size[1];
  request.frames = size[2];
  return job_->family->denoise_flops(job_->hyper_parameters, job_->manifest.pipeline, request);
}

/// Least squares of relative errors over the measured sizes.
void CostModel::fit() {
  double ll = 0;
  double lq = 0;
  double qq = 0;
  double l = 0;
  double q = 0;
  for (const SizeClass& measured : pilot_->classes) {
    const double seconds = measured.denoise.median;
    if (seconds <= 0) return;
    const models::DenoiseFlops work = flops(size_of(measured));
    const double linear = work.linear / seconds;
    const double quadratic = work.quadratic / seconds;
    ll += linear * linear;
    lq += linear * quadratic;
    qq += quadratic * quadratic;
    l += linear;
    q += quadratic;
  }
  const double determinant = ll * qq - lq * lq;
  if (determinant <= 1e-9 * ll * qq) return;
  const double linear = (l * qq - q * lq) / determinant;
  const double quadratic = (q * ll - l * lq) / determinant;
  if (linear <= 0 || quadratic <= 0) return;
  if (std::max(linear / quadratic, quadratic / linear) > most_apart) return;
  linear_rate_ = linear;
  quadratic_rate_ = quadratic;
}

double CostModel::denoise_seconds(const Size& size) const {
  if (job_->family == nullptr) return nearest(pilot_->classes, pixels(size), pixels).denoise.median;
  const models::DenoiseFlops work = flops(size);
  if (linear_rate_ > 0) return linear_rate_ * work.linear + quadratic_rate_ * work.quadratic;
  const auto all = [this](const Size& each) { return flops(each).all(); };
  const SizeClass& like = nearest(pilot_->classes, work.all(), all);
  return like.denoise.median * work.all() / all(size_of(like));
}

ItemCost CostModel::estimate(const Size& size) const {
  const SizeClass& like = nearest(pilot_->classes, pixels(size), pixels);
  const double larger = pixels(size) / pixels(size_of(like));
  return {.seconds =
              like.text.median + denoise_seconds(size) + like.decode.median * larger + pilot_->pause_seconds,
          .bytes = like.bytes * larger,
          .estimated = true};
}

}  // namespace ditmill::jobs::plan

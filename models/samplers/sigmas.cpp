#include "models/samplers/sigmas.h"

#include <cmath>
#include <cstdint>

namespace ditmill::models {
namespace {

constexpr int train_timesteps = 1000;

/// `count` values from `first` in equal steps; the step is rounded before it is multiplied, as numpy does.
std::vector<double> spaced(double first, double step, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(i * step + first);
  return values;
}

double shifted(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

/// One end of the range that Euler's levels are spread over: shifted in float32.
float shifted_end(float sigma, double shift) {
  const float numerator = static_cast<float>(shift) * sigma;
  const float denominator = 1.0F + static_cast<float>(shift - 1) * sigma;
  return numerator / denominator;
}

}  // namespace

Schedule unipc_schedule(int steps, double shift) {
  Schedule schedule;
  std::vector<double> sigmas = spaced(1, (1.0 / train_timesteps - 1) / steps, steps);
  for (double& sigma : sigmas) sigma = shifted(sigma, shift);
  // A level of exactly 1 has an infinite logarithm of its signal.
  constexpr double margin = 1e-6;
  if (std::fabs(sigmas[0] - 1) < margin) sigmas[0] -= margin;
  for (const double sigma : sigmas) {
    schedule.sigmas.push_back(static_cast<float>(sigma));
    schedule.timesteps.push_back(static_cast<float>(static_cast<std::int64_t>(sigma * train_timesteps)));
  }
  schedule.sigmas.push_back(0);
  return schedule;
}

Schedule flow_match_euler_schedule(int steps, double shift) {
  Schedule schedule;
  const double first = static_cast<double>(shifted_end(1.0F, shift)) * train_timesteps;
  const double last = static_cast<double>(shifted_end(1.0F / train_timesteps, shift)) * train_timesteps;
  std::vector<double> timesteps = spaced(first, steps > 1 ? (last - first) / (steps - 1) : 0, steps);
  if (steps > 1) timesteps.back() = last;
  for (const double timestep : timesteps) {
    schedule.sigmas.push_back(static_cast<float>(shifted(timestep / train_timesteps, shift)));
    schedule.timesteps.push_back(schedule.sigmas.back() * static_cast<float>(train_timesteps));
  }
  schedule.sigmas.push_back(0);
  return schedule;
}

}  // namespace ditmill::models

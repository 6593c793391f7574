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

float shifted_in_float(float sigma, double shift) {
  const float numerator = static_cast<float>(shift) * sigma;
  const float denominator = 1.0F + static_cast<float>(shift - 1) * sigma;
  return numerator / denominator;
}

/// Levels from `first` towards 0, shifted; the last is 0.
Schedule falling_to_zero(double first, int steps, double shift) {
  Schedule schedule;
  for (const double level : spaced(first, -first / steps, steps)) {
    const double sigma = shifted(level, shift);
    schedule.sigmas.push_back(static_cast<float>(sigma));
    schedule.timesteps.push_back(static_cast<float>(static_cast<std::int64_t>(sigma * train_timesteps)));
  }
  schedule.sigmas.push_back(0);
  return schedule;
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
  const double first = static_cast<double>(shifted_in_float(1.0F, shift)) * train_timesteps;
  const double last = static_cast<double>(shifted_in_float(1.0F / train_timesteps, shift)) * train_timesteps;
  std::vector<double> timesteps = spaced(first, steps > 1 ? (last - first) / (steps - 1) : 0, steps);
  if (steps > 1) timesteps.back() = last;
  for (const double timestep : timesteps) {
    schedule.sigmas.push_back(static_cast<float>(shifted(timestep / train_timesteps, shift)));
    schedule.timesteps.push_back(schedule.sigmas.back() * static_cast<float>(train_timesteps));
  }
  schedule.sigmas.push_back(0);
  return schedule;
}

Schedule wan_unipc_schedule(int steps, double shift) {
  constexpr float highest = 1.0F - 1.0F / static_cast<float>(train_timesteps);
  return falling_to_zero(static_cast<double>(highest), steps, shift);
}

Schedule wan_dpm_schedule(int steps, double shift) { return falling_to_zero(1, steps, shift); }

Schedule wan_euler_schedule(int steps, double shift) {
  Schedule schedule;
  for (int i = 0; i < steps; ++i) {
    const auto level = static_cast<float>(1 - static_cast<double>(i) / steps);
    schedule.sigmas.push_back(shifted_in_float(level, shift));
    schedule.timesteps.push_back(schedule.sigmas.back() * static_cast<float>(train_timesteps));
  }
  schedule.sigmas.push_back(0);
  return schedule;
}

}  // namespace ditmill::models

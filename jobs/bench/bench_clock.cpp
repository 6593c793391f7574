#include "jobs/bench/bench_clock.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace ditmill::jobs::bench {

void finish_work(const at::Device& device) {
  if (!device.is_cuda()) return;
  c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

Spread spread_of(std::vector<double> samples) {
  std::ranges::sort(samples);
  const std::size_t half = samples.size() / 2;
  const double median = samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
  return {.median = median, .min = samples.front(), .max = samples.back()};
}

nlohmann::json to_json(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

double seconds_on_all(const dist::Communicator& world, const at::Device& device,
                      const std::function<void()>& body) {
  using std::chrono::nanoseconds;
  finish_work(device);
  world.barrier(dist::Purpose::agreement);
  const auto start = std::chrono::steady_clock::now();
  body();
  finish_work(device);
  const auto taken = std::chrono::duration_cast<nanoseconds>(std::chrono::steady_clock::now() - start);
  return static_cast<double>(world.max(taken.count(), dist::Purpose::agreement)) * 1e-9;
}

}  // namespace ditmill::jobs::bench

#include "jobs/bench/bench_clock.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <chrono>
#include <cstdlib>

namespace ditmill::jobs::bench {

void finish_work(const at::Device& device) {
  if (!device.is_cuda()) return;
  c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
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

#pragma once

#include <c10/core/Device.h>

#include <functional>

#include "dist/comm/communicator.h"
#include "jobs/bench/spread.h"

namespace ditmill::jobs::bench {

/// Returns when a device has done all that was asked of it; at once on the host.
void finish_work(const at::Device& device);

/// Seconds from when all ranks are there to when the slowest has done `body`, its device's work included:
/// equal on all ranks. Collective.
double seconds_on_all(const dist::Communicator& world, const at::Device& device,
                      const std::function<void()>& body);

/// Of the last minute; 0: not known.
double load_average();

}  // namespace ditmill::jobs::bench

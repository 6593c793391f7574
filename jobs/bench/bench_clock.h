#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::jobs::bench {

/// What repeats of one measurement came to.
struct Spread {
  double median = 0;  ///< of an even number: the mean of the two in the middle
  double min = 0;
  double max = 0;
};
/// Of at least one sample.
Spread spread_of(std::vector<double> samples);
nlohmann::json to_json(const Spread& spread);

/// Returns when a device has done all that was asked of it; at once on the host.
void finish_work(const at::Device& device);

/// Seconds from when all ranks are there to when the slowest has done `body`, its device's work included:
/// equal on all ranks. Collective.
double seconds_on_all(const dist::Communicator& world, const at::Device& device,
                      const std::function<void()>& body);

/// Of the last minute; 0: not known.
double load_average();

}  // namespace ditmill::jobs::bench

#include "jobs/bench/load/load_sums.h"

#include <string>

namespace ditmill::jobs::bench {

std::uint64_t most_of(const dist::Communicator& world, std::uint64_t value) {
  return static_cast<std::uint64_t>(world.max(static_cast<std::int64_t>(value), dist::Purpose::agreement));
}

double most_of(const dist::Communicator& world, double seconds) {
  const auto longest = world.max(static_cast<std::int64_t>(seconds * 1e9), dist::Purpose::agreement);
  return static_cast<double>(longest) * 1e-9;
}

std::uint64_t sum_of(const dist::Communicator& world, std::uint64_t value) {
  std::uint64_t all = 0;
  for (const std::string& each : world.gather_text(std::to_string(value), 0, dist::Purpose::agreement))
    all += std::stoull(each);
  return all;
}

}  // namespace ditmill::jobs::bench

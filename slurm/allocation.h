#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ditmill::slurm {

/// What Slurm gave this process: SLURM_* read once, into a value.
struct Allocation {
  std::string job_id;        ///< empty outside Slurm
  int restart_count = 0;     ///< SLURM_RESTART_COUNT: 0 for the first incarnation
  std::string node_list;
  std::optional<int> cpus_per_task;

  bool inside() const noexcept { return !job_id.empty(); }
};

/// Reads an environment (getenv by default). Throws Error(usage) naming the variable if one is malformed.
Allocation read_allocation(const std::function<const char*(const char*)>& environment);

}  // namespace ditmill::slurm

#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ditmill::slurm {

/// What Slurm gave this process: SLURM_* read once, into a value.
struct Allocation {
  std::string job_id;     ///< empty outside Slurm
  int restart_count = 0;  ///< SLURM_RESTART_COUNT: 0 for the first incarnation
  std::string node_list;
  std::optional<int> cpus_per_task;

  bool inside() const noexcept { return !job_id.empty(); }
};

/// getenv, or a test's own.
using Environment = std::function<const char*(const char* variable)>;

/// Outside Slurm (no SLURM_JOB_ID) everything else is ignored. Throws Error(usage) naming a malformed variable.
Allocation read_allocation(const Environment& environment);

}  // namespace ditmill::slurm

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ditmill::slurm {

/// What Slurm gave this process: SLURM_* read once, into a value. What Slurm did not say is empty.
struct Allocation {
  std::string job_id;        ///< empty outside Slurm
  int restart_count = 0;     ///< 0 for the first incarnation
  std::string array_job_id;  ///< empty: no task of an array
  std::optional<int> array_task;
  std::vector<std::string> nodes;  ///< their names, in Slurm's order
  std::optional<int> tasks;
  std::vector<int> tasks_per_node;  ///< in the order of `nodes`
  std::optional<int> cpus_per_task;
  std::optional<int> gpus_on_node;
  std::optional<std::int64_t> end_time;  ///< when the time limit ends the job, in seconds since 1970
  std::string partition;
  std::string submit_dir;

  bool inside() const noexcept { return !job_id.empty(); }
};

/// The value of a variable; null: it is not set.
using Environment = std::function<const char*(const char* variable)>;

/// Outside Slurm (no SLURM_JOB_ID) everything else is ignored. Throws Error(usage) naming a malformed
/// variable.
Allocation read_allocation(const Environment& environment);
/// That of this process.
Allocation read_allocation();

}  // namespace ditmill::slurm

#pragma once

#include <functional>
#include <string>

#include "jobs/bench/sweep/bench_sweep.h"
#include "slurm/foreground.h"

namespace ditmill::jobs::bench {

/// Whether a cluster of Slurm's answers here.
bool slurm_answers();

/// A job of Slurm's a number of machines, each after the one before it: `ditmill bench sweep` of that number
/// alone, inside its allocation. Waits for each in turn, and gives what it wrote to `take`. Scripts, logs and
/// results are in `folder`, which all nodes see. Returns whether a signal ended it: what is still queued is
/// then cancelled. Throws Error: as slurm::sbatch() does; io, with the end of its log, for a job that left no
/// results.
bool sweep_by_jobs(const BenchSweepOptions& options, const std::string& folder,
                   const slurm::Foreground& foreground,
                   const std::function<void(const std::string& result)>& take);

}  // namespace ditmill::jobs::bench

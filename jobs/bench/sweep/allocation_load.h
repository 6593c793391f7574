#pragma once

#include "jobs/bench/sweep/sweep_load.h"
#include "slurm/allocation.h"
#include "slurm/foreground.h"

namespace ditmill::jobs::bench {

/// Runs one measurement on the first nodes of the allocation that this process is in, by mpirun, else by
/// srun. Returns whether a signal ended it. Throws Error as check_end() does.
bool load_in_allocation(const SweepLoad& load, const slurm::Allocation& allocation,
                        const slurm::Foreground& foreground);

}  // namespace ditmill::jobs::bench

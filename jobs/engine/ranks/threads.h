#pragma once

#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::engine {

/// How many cores this process may run on; at least 1.
int usable_cores();

/// Threads for this rank: the cores it may run on, divided among the ranks of its machine that may run on the
/// same ones (whether the launcher binds ranks or not); no more than SLURM_CPUS_PER_TASK, at least 1.
/// Collective.
int default_threads(const dist::Communicator& comm, const slurm::Allocation& allocation);

/// machine_id() of every rank. Collective.
std::vector<std::string> machines_of(const dist::Communicator& comm);

/// This rank's place among those of its machine, from 0. Collective.
int local_rank(const dist::Communicator& comm);

}  // namespace ditmill::jobs::engine

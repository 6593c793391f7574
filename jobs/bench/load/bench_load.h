#pragma once

#include "dist/comm/mpi.h"
#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// `bench load` on one rank: brings a model's components to all ranks by each strategy in turns, and sets the
/// times against what this machine's disks, memory, links and hash gave in the same run. Returns the exit
/// code; throws the agreed Error on rank 0. Collective.
int bench_load(const dist::MpiSession& mpi, const BenchLoadOptions& options);

}  // namespace ditmill::jobs::bench

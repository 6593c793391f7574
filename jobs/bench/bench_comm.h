#pragma once

#include "dist/comm/mpi.h"
#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// `bench comm` on one rank: every collective that layers use, host calls, and beside them what the same
/// links and memories give to plain exchanges and copies. Results are checked before anything is timed.
/// Returns the exit code; throws the agreed Error on rank 0. Collective.
int bench_comm(const dist::MpiSession& mpi, const BenchCommOptions& options);

}  // namespace ditmill::jobs::bench

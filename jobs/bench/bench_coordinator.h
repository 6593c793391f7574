#pragma once

#include "dist/comm/mpi.h"
#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// `bench coordinator`: what it costs to hand out, store and journal items that take no time (a no-op job of
/// 16x16x1 frames on the launcher's world, through the whole of `run`), how much memory rank 0 takes from the
/// 10,000th item on, and what the store makes of 16 MiB items beside writing and syncing the same bytes.
/// Returns the exit code. Collective.
int bench_coordinator(const dist::MpiSession& mpi, const BenchCoordinatorOptions& options);

}  // namespace ditmill::jobs::bench

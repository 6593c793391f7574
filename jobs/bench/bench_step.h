#pragma once

#include "dist/comm/mpi.h"
#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// `bench step` on one rank: denoising steps of a Wan transformer with random weights on the layout of the
/// ranks, what they cost, and what the ranks said to each other beside what the formulas ask for. With a
/// peer: the forward pass beside another implementation's (bench_peer.h). Returns the exit code; throws the
/// agreed Error on rank 0; an error that one rank has met ends all. Collective.
int bench_step(const dist::MpiSession& mpi, const BenchStepOptions& options);

}  // namespace ditmill::jobs::bench

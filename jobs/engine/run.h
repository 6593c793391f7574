#pragma once

#include "dist/comm/mpi.h"
#include "jobs/plan/prepare.h"

namespace ditmill::jobs::engine {

/// `run`: the whole way of a job, on every rank. Returns this rank's exit code: what contracts.md says on
/// rank 0, 0 elsewhere (mpirun kills the rest at the first that is not 0). Throws nothing: errors are agreed
/// on, said once by rank 0 and become the code; one that only this rank has met ends all ranks.
int run_job(const dist::MpiSession& mpi, const plan::RunOptions& options);

}  // namespace ditmill::jobs::engine

#pragma once

#include "dist/comm/mpi.h"
#include "jobs/engine/replay_options.h"

namespace ditmill::jobs::engine {

/// `results replay`: makes one item of a run again, as a job from its stored config on all ranks, and
/// compares on rank 0, which writes the report. Returns this rank's exit code: 0 on all but rank 0; there 0:
/// equal byte for byte; 2: not, or the repetition failed; 1: no such item, one that is not done, weights that
/// are not those of the dump; 3: what is stored is damaged, and as run_job(). Throws Error on rank 0.
int replay_item(const dist::MpiSession& mpi, const ReplayOptions& options);

}  // namespace ditmill::jobs::engine

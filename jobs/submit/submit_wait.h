#pragma once

#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::submit {

/// Returns once no job of the run directory is left. While the controller does not answer it waits on, and
/// says so once. Throws Error: what else is wrong.
void wait_for_jobs(const results::RunDirectory& run);

/// The exit code of a run that has ended; says why. Throws Error(io) if it did not after that epoch.
int run_exit(const results::RunDirectory& run, int epoch_before);

/// The exit code of an array that has ended: that of its worst shard, or of the merge, of 0, 2, 75, 3, 1 the
/// last. Says which shards are not done. Throws Error(io) where all are finished and not merged.
int array_exit(const results::RunDirectory& run, int shards);

}  // namespace ditmill::jobs::submit

#pragma once

#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::plan {

/// When an epoch's process began, in seconds since 1970: by its start time if it ran since this machine's
/// last boot, else by the birth of the epoch's file; 0 where neither is known. Throws Error(io).
double epoch_start(const results::RunDirectory& run, int epoch);

}  // namespace ditmill::jobs::plan

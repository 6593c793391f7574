#pragma once

#include <string>

#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::results {

/// Throws Error(not_found) unless this is a run directory, if need be a damaged one: what the path is instead
/// (a file of a run, a folder in one or above some, an HDF5 file that was copied away), and which run
/// directory to name. `doing` goes into it. Throws Error(io), too. Changes nothing.
void require_run(const RunDirectory& run, const std::string& doing);

}  // namespace ditmill::jobs::results

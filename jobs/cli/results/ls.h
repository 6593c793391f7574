#pragma once

#include <string>

#include "jobs/cli/results/run.h"

namespace ditmill::jobs {

/// `ditmill results ls RUN [--json]`: every item of a run, in the order of its list. JSON: an array of
/// {id, key, state, width, height, frames, attempts, seconds, part, content, reason}; null where there is
/// none.
ResultsOutput results_ls(const std::string& run_directory, bool json);

}  // namespace ditmill::jobs

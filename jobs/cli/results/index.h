#pragma once

#include <string>

#include "jobs/results/listing/stored_run.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::cli {

/// `ditmill results index --rebuild RUN [--json]`: writes results.h5 anew from requests.jsonl, the journals
/// and config.json. JSON: {linked, failed, quarantined, left, missing_parts}, all but the last numbers.
/// Throws Error: io (a run is at work on it, which writes the index itself), not_found (no run directory, no
/// config.json), bad_input, no_space.
results::ResultsOutput results_index(const std::string& run_directory, bool json,
                                     const slurm::Allocation& allocation);

}  // namespace ditmill::jobs::cli

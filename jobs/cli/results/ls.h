#pragma once

#include <iosfwd>
#include <string>

#include "jobs/results/listing/stored_run.h"

namespace ditmill::jobs::cli {

/// `ditmill results ls RUN [--json]`: every item of a run, in the order of its list, written to `out`. JSON:
/// an array of {id, key, state, prompt, seed, width, height, frames, attempts, seconds, part, content,
/// reason}; null where there is none. It is written item by item: a million prompts are not held. Returns the
/// notes.
results::ResultsOutput results_ls(const std::string& run_directory, bool json, std::ostream& out);

}  // namespace ditmill::jobs::cli

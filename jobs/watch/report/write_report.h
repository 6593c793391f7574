#pragma once

#include <string>

#include "jobs/results/listing/stored_run.h"

namespace ditmill::jobs::watch {

/// What `ditmill report RUN` is asked for.
struct ReportOptions {
  std::string run_directory;
  std::string out = {};  ///< --out FILE; empty: report.html in the run directory
};

/// Writes one HTML page about a run, whatever state it is in; `text` says where it is. What cannot be read of
/// an item is told on the page, and in the notes. Throws Error: not_found (no run directory), bad_input (its
/// list of items is damaged), io, no_space.
results::ResultsOutput write_report(const ReportOptions& options);

}  // namespace ditmill::jobs::watch

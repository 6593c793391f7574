#pragma once

#include <string>

#include "jobs/plan/run_options.h"

namespace ditmill::jobs::engine {

/// What the command line of `results replay RUN ID` says.
struct ReplayOptions {
  std::string run_directory;
  std::string id;
  std::string keep;  ///< --keep DIR: the run directory of the repetition, which stays; empty: one that goes
  /// Of the repetition: sets, device, threads, skip_memory_check, log_level; and json, out of the report.
  plan::RunOptions run;
};

}  // namespace ditmill::jobs::engine

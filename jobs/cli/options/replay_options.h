#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "jobs/manifest/prepare.h"

namespace ditmill::jobs {

/// What the command line of `results replay RUN ID` says.
struct ReplayOptions {
  std::string run_directory;
  std::string id;
  std::string keep;  ///< --keep DIR: the run directory of the repetition, which stays; empty: one that goes
  /// Of the repetition: sets, device, threads, skip_memory_check, log_level; and json, out of the report.
  RunOptions run;
};

/// Adds `replay` to the group `results`; both executables read the same command line.
CLI::App* add_replay_options(CLI::App& results, ReplayOptions& options);

}  // namespace ditmill::jobs

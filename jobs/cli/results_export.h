#pragma once

#include <string>
#include <vector>

#include "jobs/cli/results_run.h"

namespace ditmill::jobs {

/// What `ditmill results export RUN` is asked for.
struct ExportOptions {
  std::string run_directory;
  std::vector<std::string> items;  ///< --items A,B: only these; empty: all that are done
  std::string png_folder;          ///< --png DIR: each frame as DIR/<id>/frame_0000.png
  std::string contact_sheet;  ///< --contact-sheet FILE: first, middle and last frame of each item, or twelve
                              ///< frames if it is one item; at most 120 items
};

/// Exports; `text` says what was written. Throws Error: usage (nothing asked for; an id that is unknown, not
/// done or has no frames), bad_input (a damaged part), io, no_space.
ResultsOutput results_export(const ExportOptions& options);

}  // namespace ditmill::jobs

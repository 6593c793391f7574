#pragma once

#include <chrono>
#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// What the command line of `status` says.
struct StatusOptions {
  std::string run_directory;
  bool json = false;
  bool watch = false;  ///< --watch: again and again until the run is over
  std::string joblog;  ///< --joblog FILE, or - for standard output: that instead of the status
  std::chrono::milliseconds interval{2000};  ///< between two looks; tests shorten it
  std::chrono::milliseconds afterwards{
      10'000};  ///< a run that stops while it is watched may be started again
};

/// `ditmill status RUN [--watch] [--json] [--joblog FILE]`: status_text.h, status_json.h (with --watch an
/// object a line), joblog.h. Reads only. With --watch a terminal is redrawn in place; elsewhere the blocks
/// follow each other. Returns 0. Throws Error: not_found (no run directory), io.
int show_status(const StatusOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli

#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs {

/// `results ls RUN`: every item of a run's list and what became of it, as text or a JSON array. Reads the
/// list and the journals only. Returns 0. Throws Error: not_found if RUN is no run directory.
int results_ls(const std::string& run, bool json, std::ostream& out);

/// `results show RUN ID`: what the store keeps of one item beside its frames. Returns 0. Throws Error(usage)
/// for an id that the run does not have (with the nearest) or that is not done (with its state and reason).
int results_show(const std::string& run, const std::string& id, bool json, std::ostream& out);

/// What the command line of `results export` says.
struct ExportOptions {
  std::string run;
  std::vector<std::string> items;  ///< ids; empty: all that are done
  std::string png;                 ///< folder for DIR/<id>/frame_0000.png; empty: none
  std::string contact_sheet;       ///< PNG file; empty: none
};

/// `results export RUN [--png DIR] [--contact-sheet FILE]`. Every frame is checked against its stored
/// checksum. A contact sheet shows up to 48 items, spread over the run. Returns 0. Throws Error as
/// results_show().
int results_export(const ExportOptions& options, std::ostream& out);

}  // namespace ditmill::jobs

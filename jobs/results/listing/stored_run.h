#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/listing/listing.h"

namespace ditmill::jobs::results {

/// What a subcommand found: `text` for standard output (or --out), `notes` for the log.
struct ResultsOutput {
  std::string text;
  std::vector<std::string> notes;
  int code = 0;  ///< to exit with
};

/// What is wrong with a run's journals, a line each.
std::vector<std::string> notes_of(const std::vector<JournalReport>& reports);

/// A run directory as the `results` subcommands see it: its list, its journals and its parts. The index is
/// not needed, and a run that is at work may be looked at.
class ResultsRun {
 public:
  /// Throws Error: not_found (no run directory), bad_input, io.
  explicit ResultsRun(const std::string& path);

  const RunDirectory& directory() const noexcept { return run_; }
  const std::vector<ListedItem>& items() const noexcept { return items_; }
  /// The item of that id. Throws Error(usage) with the nearest id if there is none.
  const ListedItem& item(const std::string& id) const;
  /// Path of the part that holds a done item. Throws Error(usage), saying what it is, if the item is not
  /// done.
  std::string part_of(const ListedItem& item) const;
  /// What is wrong with the journals, a line each.
  std::vector<std::string> notes() const { return notes_of(reports_); }

 private:
  RunDirectory run_;
  std::vector<JournalReport> reports_;
  std::vector<ListedItem> items_;
};

}  // namespace ditmill::jobs::results

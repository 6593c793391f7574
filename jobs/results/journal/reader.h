#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_states.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// What is wrong with a journal, for the log: the reader goes on.
struct JournalReport {
  std::string file;
  std::uint64_t offset = 0;
  std::string message;
};

/// The valid records of one journal's bytes. A torn last line (without its newline, whatever its crc) is
/// dropped and reported, which is normal after a crash; a line that is damaged elsewhere is dropped and
/// reported too.
std::vector<Record> parse_journal(std::string_view bytes, const std::string& file,
                                  std::vector<JournalReport>& reports);

/// A journal file of a run.
struct JournalFile {
  int epoch = 0;
  int group = 0;
  std::string path;

  auto operator<=>(const JournalFile&) const = default;
};
/// All journal files of a run, oldest epoch first. Throws Error(io).
std::vector<JournalFile> journal_files(const RunDirectory& run);

/// Gives every valid record of a journal file to `take`, in order, without holding the file in memory; what
/// is wrong with it goes to `reports`, as parse_journal() does. Throws Error: not_found, io.
void for_each_record(const std::string& path, std::vector<JournalReport>& reports,
                     const std::function<void(Record&&)>& take);

struct JournalState {
  ItemStates by_key;
  std::vector<std::string> missing_parts;  ///< sorted: named by a `done`, not there, and not replaced since
  std::vector<JournalReport> reports;
};

/// Reads all journals of a run, oldest epoch first. A `done` whose part is missing or of another size is no
/// `done`: the item is pending again, and that is reported; so is a second `done` of a key with other
/// content.
JournalState read_journals(const RunDirectory& run);

}  // namespace ditmill::jobs::results

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "jobs/requests/items/input_files.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::run {

/// What earlier starts know of files that are gone by now. Items that are done need theirs no more, and what
/// the run directory has kept stands in for what is gone. Reads the run directory when it is first asked.
class GoneInputs {
 public:
  explicit GoneInputs(results::RunDirectory run) : run_(std::move(run)) {}

  /// The file that items of an earlier start found there: if it is kept, with its size; else only if all of
  /// these items are done. Nothing of a run directory that cannot be read, which the start itself says.
  std::optional<requests::InputFile> find(const std::string& path);

 private:
  struct Seen {
    std::string sha256;
    bool needed = false;  ///< by an item that is not done
  };

  std::map<std::string, Seen, std::less<>> read() const;

  results::RunDirectory run_;
  std::optional<std::map<std::string, Seen, std::less<>>> seen_;
};

/// Throws Error(usage) with the items that are left to do and whose files are neither where they were nor
/// kept, by name.
void require_inputs(const results::RunDirectory& run, const requests::ItemList& items,
                    std::span<const PendingItem> pending);

}  // namespace ditmill::jobs::run

#include "jobs/results/listing/stored_run.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/suggest.h"
#include "jobs/results/listing/require_run.h"

namespace ditmill::jobs::results {

std::vector<std::string> notes_of(const std::vector<JournalReport>& reports) {
  std::vector<std::string> notes;
  notes.reserve(reports.size());
  for (const JournalReport& report : reports) {
    notes.push_back(report.file + ", byte " + std::to_string(report.offset) + ": " + report.message);
  }
  return notes;
}

ResultsRun::ResultsRun(const std::string& path) : run_(path) {
  require_run(run_, "read the items of a run");
  JournalState journals = read_journals(run_);
  items_ = list_items(run_, journals);
  reports_ = std::move(journals.reports);
}

const ListedItem& ResultsRun::item(const std::string& id) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&id](const ListedItem& item) { return item.id == id; });
  if (found != items_.end()) return *found;
  std::vector<std::string> ids;
  ids.reserve(items_.size());
  for (const ListedItem& item : items_) ids.push_back(item.id);
  const std::string nearest = configs::nearest(id, ids);
  throw Error(Category::usage, "find an item", Where{.file = run_.path()},
              Expected{"the id of one of its " + std::to_string(items_.size()) + " items"},
              Got{printable(id)},
              nearest.empty() ? "`ditmill results ls` lists them" : "did you mean " + nearest + "?");
}

std::string ResultsRun::part_of(const ListedItem& item) const {
  if (item.outcome == ItemOutcome::done) return run_.path() + "/" + item.part;
  std::string state(name(item.outcome));
  if (!item.reason.empty()) state += ": " + printable(item.reason);
  throw Error(Category::usage, "read an item's results", Where{.file = run_.path(), .item = item.id},
              Expected{"an item that is done"}, Got{state});
}

}  // namespace ditmill::jobs::results

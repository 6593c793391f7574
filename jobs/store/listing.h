#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/journal/reader.h"
#include "jobs/run_directory.h"

namespace ditmill::jobs {

/// What became of an item of a run.
enum class ItemOutcome { done, failed, quarantined, left };
std::string_view name(ItemOutcome outcome) noexcept;

/// An item of requests.jsonl and what the journals say of it.
struct ListedItem {
  std::string id;
  std::string key;
  ItemOutcome outcome = ItemOutcome::left;
  int width = 0;
  int height = 0;
  int frames = 0;
  int attempts = 0;
  double seconds = 0;   ///< done, failed: from its start to its end; 0: unknown
  std::string part;     ///< done: relative to the run directory
  std::string stored;   ///< done: its id there: that of an item with the same key, if that was done first
  std::string content;  ///< done: its ContentHash
  std::string reason;   ///< failed, quarantined
};

/// The items of a run, in the order of its list. Throws Error: not_found if this is no run directory,
/// bad_input naming the line of a requests.jsonl that is not what `run` writes, io.
std::vector<ListedItem> list_items(const RunDirectory& run, const JournalState& journals);

}  // namespace ditmill::jobs

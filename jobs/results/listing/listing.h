#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::results {

/// An item of requests.jsonl and what the journals say of it.
struct ListedItem {
  std::string id = {};
  std::string key = {};
  ItemOutcome outcome = ItemOutcome::left;
  int width = 0;
  int height = 0;
  int frames = 0;
  int attempts = 0;
  double seconds = 0;       ///< done, failed: from its start to its end; 0: unknown
  double ended = 0;         ///< seconds since 1970: when it was done, failed or quarantined
  std::string part = {};    ///< done: relative to the run directory
  std::string stored = {};  ///< done: its id there: that of an item with the same key, if that was done first
  std::string content = {};               ///< done: its ContentHash
  std::optional<Category> category = {};  ///< failed, quarantined: category_of()
  std::string reason = {};                ///< failed, quarantined
};

/// Gives the items of a run to `take`, in the order of its list, without holding them; and the line of each
/// in requests.jsonl: {id, key, request, metadata}. Throws Error: not_found if this is no run directory,
/// bad_input naming the line of a requests.jsonl that is not what `run` writes, io.
void for_each_line(const RunDirectory& run, const JournalState& journals,
                   const std::function<void(ListedItem&&, const nlohmann::json& line)>& take);
/// The items alone.
void for_each_item(const RunDirectory& run, const JournalState& journals,
                   const std::function<void(ListedItem&&)>& take);
/// All of them.
std::vector<ListedItem> list_items(const RunDirectory& run, const JournalState& journals);

}  // namespace ditmill::jobs::results

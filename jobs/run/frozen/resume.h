#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::run {

/// The field of config.json that holds the job_identity() of its items: whoever writes config.json adds it.
inline constexpr const char* identity_field = "identity";

/// A job as its run directory keeps it.
struct FrozenJob {
  nlohmann::json identity;   ///< job_identity() as config.json has it; null: not known
  requests::ItemList items;  ///< with their keys; line: that of requests.jsonl
};

/// What an earlier start froze; none if there was none. Throws Error(bad_input) naming the line of a
/// requests.jsonl that is torn or not ours, and Error(io). A config.json that cannot be read only leaves the
/// identity unknown: it serves messages.
std::optional<FrozenJob> read_frozen_job(const results::RunDirectory& run);

/// What comes of an earlier start's items and those asked for now.
struct Reconciled {
  requests::ItemList items;  ///< all of the job: those frozen in their order, then the new ones in theirs
  /// For the log: what was appended, dropped, or changed without changing pixels; none if all is as frozen.
  std::vector<std::string> notes;
};

/// Joins what was frozen with what is asked for now (`current`, with keys). New ids are appended. Throws
/// Error(usage) with its problems, and how to go on: ids whose key differs, naming the fields and the first
/// five ids; ids that are no longer there, unless `drop`. `current` is left as it is if this throws. Call it
/// before anything of the run directory is written.
Reconciled reconcile(const results::RunDirectory& run, const FrozenJob& frozen,
                     const nlohmann::json& identity, requests::ItemList&& current, bool drop);

/// An item that is left to do.
struct PendingItem {
  std::size_t item = 0;  ///< index
  int attempt = 1;       ///< from 1
  bool alone = false;    ///< it was in hand when a rank died: to be run with no other beside it
};

/// Which items that earlier starts gave up are taken up again.
struct Retry {
  bool failed = false;
  bool quarantined = false;
};

/// The items that are neither done nor given up, by key: failed and quarantined ones are given up unless
/// `retry` says otherwise.
std::vector<PendingItem> pending_items(const requests::ItemList& items, const results::JournalState& journals,
                                       const Retry& retry);

}  // namespace ditmill::jobs::run

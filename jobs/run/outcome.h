#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::run {

/// Items by what became of them.
using Counts = results::OutcomeCounts;

/// What the journals say of these items; of those only whose flag in `chosen` is set, if it has any.
Counts count_items(const requests::ItemList& items, const results::JournalState& journals,
                   const std::vector<bool>& chosen = {});

/// Why a run took up nothing new before it was through. Both empty: it did not.
struct EarlyEnd {
  std::string stopped = {};    ///< a signal, run/STOP, no room: resumable
  std::string max_fails = {};  ///< --max-fails was reached
};

/// How a run ended, for outcome.json.
struct Outcome {
  Counts counts;
  int exit = 0;
  std::string reason = {};
  int epoch = 0;
  bool crashed = false;  ///< a rank was lost

  /// Nothing is left to do, whatever was given up.
  bool finished() const noexcept { return counts.left == 0 && (exit == 0 || exit == exit_incomplete); }
};

/// Draws exit code and reason from what became of all items, of those that this start was to do, and from
/// what cut it short.
Outcome decide_outcome(const Counts& all, const Counts& chosen, const EarlyEnd& early, int epoch);

nlohmann::json to_json(const Outcome& outcome);
/// What an outcome.json says; nothing if it is none.
std::optional<Outcome> outcome_from_text(const std::string& text);
/// What becomes of an outcome.json that is there and cannot be read.
enum class Unreadable { is_none, throws };
/// What the run directory's says; nothing if there is none, or none that is whole. Throws Error(io) if asked
/// to.
std::optional<Outcome> read_outcome(const results::RunDirectory& run,
                                    Unreadable unreadable = Unreadable::is_none);
/// The same, if an epoch of that number wrote it.
std::optional<Outcome> outcome_of_epoch(const results::RunDirectory& run, int epoch,
                                        Unreadable unreadable = Unreadable::is_none);
/// Writes it, durably. Throws Error: io, no_space.
void write_outcome(const results::RunDirectory& run, const Outcome& outcome);

}  // namespace ditmill::jobs::run

#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "jobs/journal/reader.h"
#include "jobs/list/item_list.h"

namespace ditmill::jobs {

/// How a run ended, for outcome.json.
struct Outcome {
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t quarantined = 0;
  std::size_t left = 0;
  int exit = 0;
  std::string reason;
  int epoch = 0;
};

/// Counts what the journals say of these items, and draws the exit code and the reason from it.
Outcome count_outcome(const ItemList& items, const JournalState& journals, int epoch);

nlohmann::json to_json(const Outcome& outcome);

}  // namespace ditmill::jobs

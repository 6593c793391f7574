#include "jobs/engine/outcome.h"

#include <fmt/format.h>

#include "registry/digest.h"

namespace ditmill::jobs {

Outcome count_outcome(const ItemList& items, const JournalState& journals, int epoch) {
  Outcome outcome;
  outcome.epoch = epoch;
  for (const PackedItem& item : items.packed()) {
    const auto found = journals.by_key.find(registry::hex(item.key));
    const Event event = found == journals.by_key.end() ? Event::start : found->second.event;
    switch (event) {
      case Event::done:
        ++outcome.done;
        break;
      case Event::failed:
        ++outcome.failed;
        break;
      case Event::quarantined:
        ++outcome.quarantined;
        break;
      case Event::start:
      case Event::stopped:
        ++outcome.left;
        break;
    }
  }
  if (outcome.left > 0) {
    outcome.exit = 75;
    outcome.reason = fmt::format("stopped early: {} items left", outcome.left);
  } else if (outcome.failed + outcome.quarantined > 0) {
    outcome.exit = 2;
    outcome.reason = fmt::format("{} items failed", outcome.failed + outcome.quarantined);
  } else {
    outcome.reason = "all items done";
  }
  return outcome;
}

nlohmann::json to_json(const Outcome& outcome) {
  return {{"exit", outcome.exit},     {"done", outcome.done},
          {"failed", outcome.failed}, {"quarantined", outcome.quarantined},
          {"left", outcome.left},     {"reason", outcome.reason},
          {"epoch", outcome.epoch}};
}

}  // namespace ditmill::jobs

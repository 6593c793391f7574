#include "jobs/results/journal/item_outcome.h"

namespace ditmill::jobs::results {

std::string_view name(ItemOutcome outcome) noexcept {
  switch (outcome) {
    case ItemOutcome::done:
      return "done";
    case ItemOutcome::failed:
      return "failed";
    case ItemOutcome::quarantined:
      return "quarantined";
    case ItemOutcome::left:
      break;
  }
  return "left";
}

ItemOutcome outcome_of(Event event) noexcept {
  switch (event) {
    case Event::done:
      return ItemOutcome::done;
    case Event::failed:
      return ItemOutcome::failed;
    case Event::quarantined:
      return ItemOutcome::quarantined;
    case Event::start:
    case Event::stopped:
    case Event::crashed:
      break;
  }
  return ItemOutcome::left;
}

std::size_t& OutcomeCounts::of(ItemOutcome outcome) noexcept {
  switch (outcome) {
    case ItemOutcome::done:
      return done;
    case ItemOutcome::failed:
      return failed;
    case ItemOutcome::quarantined:
      return quarantined;
    case ItemOutcome::left:
      break;
  }
  return left;
}

}  // namespace ditmill::jobs::results

#pragma once

#include <cstdint>

#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// Whether whoever takes records in has looked at the parts that they name, and made a `start` of each `done`
/// whose part is lost.
enum class Parts : std::uint8_t { checked, unseen };

/// The record of an item that decides what became of it: the one place where that is settled (FORMAT.md,
/// Deciding). 16 bytes, for there are millions.
class ItemDecision {
 public:
  /// Takes note of the item's next record: epochs come in order, the journals of one epoch in any, each from
  /// its beginning. True if that record decides from now on.
  bool take(int epoch, const Record& record, Parts parts);

  Event event() const noexcept { return event_; }  ///< `start` before any record
  ItemOutcome outcome() const noexcept { return outcome_of(event_); }
  double time() const noexcept { return time_; }

 private:
  double time_ = 0;
  int epoch_ = 0;  ///< 0: no record yet
  Event event_ = Event::start;
};

}  // namespace ditmill::jobs::results

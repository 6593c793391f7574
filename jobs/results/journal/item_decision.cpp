#include "jobs/results/journal/item_decision.h"

namespace ditmill::jobs::results {
namespace {

/// Whether a record decides in place of one that came before it. `earlier`: it is of a moment before that
/// one, in another journal of the same epoch.
bool decides_after(Event before, Event event, bool earlier) {
  if (before == Event::done) return event == Event::done && earlier;
  return event == Event::done || !earlier;
}

}  // namespace

bool ItemDecision::take(int epoch, const Record& record, Parts parts) {
  const bool earlier = epoch == epoch_ && record.time < time_;
  // Where parts are not seen: a later epoch takes up a done item only because it has missed the part.
  const bool lost = parts == Parts::unseen && event_ == Event::done && epoch > epoch_;
  if (!lost && !decides_after(event_, record.event, earlier)) return false;
  time_ = record.time;
  epoch_ = epoch;
  event_ = record.event;
  return true;
}

}  // namespace ditmill::jobs::results

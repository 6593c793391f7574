#include "jobs/results/journal/open_attempts.h"

#include <utility>

namespace ditmill::jobs::results {

std::optional<Attempt> OpenAttempts::take(const Record& record) {
  if (record.event == Event::start) {
    by_key_.insert_or_assign(record.key, Attempt{.begin = record.time, .item = record.item});
    return std::nullopt;
  }
  const auto found = by_key_.find(record.key);
  if (found == by_key_.end()) return std::nullopt;
  Attempt ended = std::move(found->second);
  by_key_.erase(found);
  return ended;
}

}  // namespace ditmill::jobs::results

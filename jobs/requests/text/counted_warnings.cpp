#include "jobs/requests/text/counted_warnings.h"

#include <algorithm>
#include <utility>

namespace ditmill::jobs::requests {

bool CountedWarnings::count(std::string_view kind) noexcept {
  const auto found =
      std::find_if(kinds_.begin(), kinds_.end(), [kind](const Kind& known) { return known.name == kind; });
  if (found == kinds_.end()) return false;
  ++found->count;
  return true;
}

void CountedWarnings::add(Problem first, std::string_view kind) {
  if (count(kind)) return;
  kinds_.push_back({.name = std::string{kind}, .first = std::move(first)});
}

std::vector<Problem> CountedWarnings::take() {
  std::vector<Problem> warnings;
  for (Kind& kind : std::exchange(kinds_, {})) {
    if (kind.count > 1) kind.first.message += " (" + std::to_string(kind.count) + " in all)";
    warnings.push_back(std::move(kind.first));
  }
  return warnings;
}

}  // namespace ditmill::jobs::requests

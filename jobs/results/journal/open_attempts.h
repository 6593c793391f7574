#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// An attempt at an item, from its start on.
struct Attempt {
  double begin = 0;       ///< seconds since 1970
  std::string item = {};  ///< id
};

/// The attempts that records have begun and not ended, by key: which start an end belongs to is settled here.
class OpenAttempts {
 public:
  /// Takes note of a `start`, in place of one that was open; any other record ends what is open of its key,
  /// which is returned. None: it was a `start`, or its start was not seen.
  std::optional<Attempt> take(const Record& record);

  const std::unordered_map<std::string, Attempt>& by_key() const noexcept { return by_key_; }

 private:
  std::unordered_map<std::string, Attempt> by_key_;
};

}  // namespace ditmill::jobs::results

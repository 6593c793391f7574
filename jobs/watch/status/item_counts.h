#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_decision.h"
#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::watch {

/// How many items of a run's list are in each state, from the list's keys and every record of its journals,
/// in 40 bytes an item. Parts are not looked at: a `done` whose part is lost counts until a run notices and
/// starts the item again.
class ItemCounts {
 public:
  /// Reads the keys of requests.jsonl, line by line. None if there is no list yet. Throws Error: io,
  /// bad_input naming the line of one that is not what `run` writes.
  static std::optional<ItemCounts> read(const results::RunDirectory& run);

  /// Takes note of a record; those of one key come epoch by epoch.
  void take(int epoch, const results::Record& record);

  const results::OutcomeCounts& counts() const noexcept { return counts_; }
  bool is_done(std::string_view key) const;
  /// The place of an item in the list, from 1; 0 if it is not in the list.
  std::size_t position(std::string_view key) const;

 private:
  /// Of a key's text: whatever its form, these are spread evenly.
  struct Hash {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool operator==(const Hash& other) const { return high == other.high && low == other.low; }
    bool operator<(const Hash& other) const {
      return high != other.high ? high < other.high : low < other.low;
    }
  };
  struct Listed {
    Hash key;
    std::uint32_t position = 0;
  };

  static Hash hash_of(std::string_view key);
  std::optional<std::size_t> find(std::string_view key) const;

  std::vector<Listed> keys_;  ///< sorted
  std::vector<results::ItemDecision> decisions_;
  results::OutcomeCounts counts_;
};

}  // namespace ditmill::jobs::watch

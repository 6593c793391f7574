#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::watch {

/// How many items of a run's list are in each state, from the list's keys and every record of its journals,
/// in 32 bytes an item. Parts are not looked at: a `done` whose part is lost counts until a run notices and
/// starts the item again.
class ItemCounts {
 public:
  /// Reads the keys of requests.jsonl, line by line. None if there is no list yet. Throws Error: io,
  /// bad_input naming the line of one that is not what `run` writes.
  static std::optional<ItemCounts> read(const results::RunDirectory& run);

  /// Takes note of a record; those of one key come epoch by epoch.
  void take(int epoch, const results::Record& record);

  std::size_t total() const noexcept { return keys_.size(); }
  std::size_t done() const noexcept { return count(results::ItemOutcome::done); }
  std::size_t failed() const noexcept { return count(results::ItemOutcome::failed); }
  std::size_t quarantined() const noexcept { return count(results::ItemOutcome::quarantined); }
  std::size_t left() const noexcept { return count(results::ItemOutcome::left); }
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
  struct State {
    int epoch = 0;
    results::ItemOutcome outcome = results::ItemOutcome::left;
    double time = 0;
  };

  static Hash hash_of(std::string_view key);
  std::optional<std::size_t> find(std::string_view key) const;
  std::size_t count(results::ItemOutcome outcome) const noexcept {
    return counts_[static_cast<std::size_t>(outcome)];
  }

  std::vector<Listed> keys_;  ///< sorted
  std::vector<State> states_;
  std::array<std::size_t, 4> counts_{};  ///< by outcome
};

}  // namespace ditmill::jobs::watch

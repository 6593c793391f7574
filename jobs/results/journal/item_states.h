#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/journal/item_decision.h"
#include "jobs/results/journal/item_outcome.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// What the journals of all epochs say of one item: the first `done` of its key wins, else its last event.
struct ItemState {
  Event event = Event::start;
  Record record;       ///< the record that decided
  int attempts = 0;    ///< starts so far
  int crashes = 0;     ///< attempts that killed their rank, since the item was last quarantined
  double started = 0;  ///< time of the start before the record that decided; 0: unknown

  ItemOutcome outcome() const noexcept { return outcome_of(event); }
};

/// The states of a run's items by their keys, in about 250 bytes an item.
class ItemStates {
 public:
  /// Takes note of a record. Epochs come in order; the journals of one epoch in any, each from its beginning:
  /// where groups of one epoch met one key, times decide. Returns false for a `done` whose item was done
  /// before with other content.
  bool take(int epoch, const Record& record);

  std::optional<ItemState> find(std::string_view key) const;
  std::optional<ItemState> find(const requests::ItemKey& key) const;
  /// Of an item that is done; none of any other.
  std::optional<ItemState> find_done(std::string_view key) const;
  /// `left` for one that no journal names.
  ItemOutcome outcome(const requests::ItemKey& key) const;
  /// Throws std::out_of_range.
  ItemState at(std::string_view key) const;
  bool contains(std::string_view key) const { return slot(key).has_value(); }
  std::size_t size() const noexcept { return states_.size(); }
  bool empty() const noexcept { return states_.empty(); }

 private:
  struct Packed {
    std::string_view id;
    std::string_view key;
    std::string_view content;
    ItemDecision decision;
    double started = 0;
    double last_start = 0;
    std::uint64_t part_bytes = 0;
    std::uint32_t part = 0;
    int attempt = 0;
    int attempts = 0;
    std::int16_t crashes = 0;
  };

  std::optional<std::uint32_t> slot(std::string_view key) const;
  void decide(Packed& state, const Record& record, std::uint32_t index);
  std::uint32_t part_index(const std::string& part);

  requests::TextArena texts_;
  std::vector<Packed> states_;
  std::unordered_map<std::string_view, std::uint32_t> by_key_;
  std::vector<std::string> parts_{""};
  struct Why {
    std::optional<Category> category;
    std::string reason;
  };
  std::unordered_map<std::uint32_t, Why> why_;  ///< of those that have one or the other
};

}  // namespace ditmill::jobs::results

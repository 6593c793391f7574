#include "jobs/watch/status/item_counts.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "configs/error.h"
#include "jobs/requests/text/json_line.h"
#include "jobs/results/listing/frozen_lines.h"

namespace ditmill::jobs::watch {
namespace {

/// The key of a line as append_frozen_item() writes it: no more of it is looked at than its beginning.
std::optional<std::string_view> key_at_front(std::string_view line) {
  constexpr std::string_view before_id = R"({"id":")";
  constexpr std::string_view before_key = R"(","key":")";
  if (!line.starts_with(before_id)) return std::nullopt;
  line.remove_prefix(before_id.size());
  const std::size_t id_ends = line.find('"');
  if (id_ends == std::string_view::npos || !line.substr(id_ends).starts_with(before_key)) return std::nullopt;
  line.remove_prefix(id_ends + before_key.size());
  const std::size_t key_ends = line.find('"');
  if (key_ends == std::string_view::npos || key_ends == 0) return std::nullopt;
  return line.substr(0, key_ends);
}

/// The key of any line that holds one.
std::optional<std::string> key_anywhere(std::string_view line) {
  std::vector<requests::JsonField> fields;
  if (requests::parse_json_line(line, fields)) return std::nullopt;
  for (const requests::JsonField& field : fields) {
    if (field.key == "key" && field.kind == requests::JsonKind::string) return requests::json_text(field.raw);
  }
  return std::nullopt;
}

}  // namespace

ItemCounts::Hash ItemCounts::hash_of(std::string_view key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return {.high = hash.high64, .low = hash.low64};
}

std::optional<ItemCounts> ItemCounts::read(const results::RunDirectory& run) {
  std::optional<results::FrozenLines> lines =
      results::FrozenLines::open(run.requests(), "count the items of a run");
  if (!lines) return std::nullopt;
  ItemCounts counts;
  for (std::string_view line; lines->next(line);) {
    Hash key;
    if (const std::optional<std::string_view> quick = key_at_front(line)) {
      key = hash_of(*quick);
    } else if (const std::optional<std::string> slow = key_anywhere(line)) {
      key = hash_of(*slow);
    } else {
      lines->refuse("an object with id and key", printable(line, 80));
    }
    counts.keys_.push_back({.key = key, .position = static_cast<std::uint32_t>(lines->line())});
  }
  counts.keys_.shrink_to_fit();
  std::sort(counts.keys_.begin(), counts.keys_.end(),
            [](const Listed& a, const Listed& b) { return a.key < b.key; });
  counts.states_.resize(counts.keys_.size());
  counts.counts_[static_cast<std::size_t>(results::ItemOutcome::left)] = counts.keys_.size();
  return counts;
}

std::optional<std::size_t> ItemCounts::find(std::string_view key) const {
  const Hash wanted = hash_of(key);
  const auto found =
      std::lower_bound(keys_.begin(), keys_.end(), wanted,
                       [](const Listed& listed, const Hash& hash) { return listed.key < hash; });
  if (found == keys_.end() || !(found->key == wanted)) return std::nullopt;
  return static_cast<std::size_t>(found - keys_.begin());
}

void ItemCounts::take(int epoch, const results::Record& record) {
  if (record.key.empty()) return;
  const std::optional<std::size_t> place = find(record.key);
  if (!place) return;
  State& state = states_[*place];
  // The first `done` wins; a later epoch starts a done item again only because it missed the part.
  if (state.outcome == results::ItemOutcome::done && epoch <= state.epoch) return;
  // Journals of one epoch are read one after the other.
  const bool earlier =
      epoch == state.epoch && record.time < state.time && record.event != results::Event::done;
  if (earlier) return;
  // Items that differ only in their ids share a key, and what becomes of it.
  std::size_t items = 1;
  while (*place + items < keys_.size() && keys_[*place + items].key == keys_[*place].key) ++items;
  counts_[static_cast<std::size_t>(state.outcome)] -= items;
  state = {.epoch = epoch, .outcome = results::outcome_of(record.event), .time = record.time};
  counts_[static_cast<std::size_t>(state.outcome)] += items;
}

bool ItemCounts::is_done(std::string_view key) const {
  const std::optional<std::size_t> place = find(key);
  return place && states_[*place].outcome == results::ItemOutcome::done;
}

std::size_t ItemCounts::position(std::string_view key) const {
  const std::optional<std::size_t> place = find(key);
  return place ? keys_[*place].position : 0;
}

}  // namespace ditmill::jobs::watch

#include "jobs/watch/status/item_counts.h"

#include <xxhash.h>

#include <algorithm>

#include "jobs/results/listing/frozen_lines.h"

namespace ditmill::jobs::watch {
ItemCounts::Hash ItemCounts::hash_of(std::string_view key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return {.high = hash.high64, .low = hash.low64};
}

std::optional<ItemCounts> ItemCounts::read(const results::RunDirectory& run) {
  std::optional<results::FrozenLines> lines =
      results::FrozenLines::open(run.requests(), "count the items of a run");
  if (!lines) return std::nullopt;
  ItemCounts counts;
  while (lines->next()) {
    counts.keys_.push_back(
        {.key = hash_of(lines->key()), .position = static_cast<std::uint32_t>(lines->line())});
  }
  counts.keys_.shrink_to_fit();
  std::sort(counts.keys_.begin(), counts.keys_.end(),
            [](const Listed& a, const Listed& b) { return a.key < b.key; });
  counts.decisions_.resize(counts.keys_.size());
  counts.counts_.left = counts.keys_.size();
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
  results::ItemDecision& decision = decisions_[*place];
  const results::ItemOutcome before = decision.outcome();
  if (!decision.take(epoch, record, results::Parts::unseen)) return;
  // Items that differ only in their ids share a key, and what becomes of it.
  std::size_t items = 1;
  while (*place + items < keys_.size() && keys_[*place + items].key == keys_[*place].key) ++items;
  counts_.of(before) -= items;
  counts_.of(decision.outcome()) += items;
}

bool ItemCounts::is_done(std::string_view key) const {
  const std::optional<std::size_t> place = find(key);
  return place && decisions_[*place].outcome() == results::ItemOutcome::done;
}

std::size_t ItemCounts::position(std::string_view key) const {
  const std::optional<std::size_t> place = find(key);
  return place ? keys_[*place].position : 0;
}

}  // namespace ditmill::jobs::watch

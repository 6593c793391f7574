#include "jobs/results/journal/item_states.h"

#include <algorithm>
#include <stdexcept>

#include "registry/digest.h"

namespace ditmill::jobs::results {

std::optional<std::uint32_t> ItemStates::slot(std::string_view key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

/// Records name the same part many times over, and one after the other.
std::uint32_t ItemStates::part_index(const std::string& part) {
  if (parts_.back() != part) parts_.push_back(part);
  return static_cast<std::uint32_t>(parts_.size() - 1);
}

bool ItemStates::take(int epoch, const Record& record) {
  std::optional<std::uint32_t> index = slot(record.key);
  if (!index) {
    index = static_cast<std::uint32_t>(states_.size());
    Packed& added = states_.emplace_back();
    added.key = texts_.keep(record.key);
    added.id = texts_.keep(record.item);
    by_key_.emplace(added.key, *index);
  }
  Packed& state = states_[*index];
  state.attempts = std::max(state.attempts, record.attempt);
  if (record.event == Event::start) state.last_start = record.time;
  if (record.event == Event::quarantined) state.crashes = 0;
  if (record.event == Event::crashed) ++state.crashes;
  const bool done_again = state.decision.event() == Event::done && record.event == Event::done;
  const bool same = !done_again || state.content == record.content;
  if (state.decision.take(epoch, record, Parts::checked)) decide(state, record, *index);
  return same;
}

void ItemStates::decide(Packed& state, const Record& record, std::uint32_t index) {
  // Two ids can stand for one item: its part has it under the one that was done.
  if (state.id != record.item) state.id = texts_.keep(record.item);
  state.attempt = record.attempt;
  state.started = state.last_start;
  state.part = record.event == Event::done ? part_index(record.part) : 0;
  state.part_bytes = record.part_bytes;
  state.content = record.content.empty() ? std::string_view{} : texts_.keep(record.content);
  if (record.reason.empty() && !record.category) {
    why_.erase(index);
  } else {
    why_[index] = {.category = record.category, .reason = record.reason};
  }
}

std::optional<ItemState> ItemStates::find(std::string_view key) const {
  const std::optional<std::uint32_t> index = slot(key);
  if (!index) return std::nullopt;
  const Packed& packed = states_[*index];
  ItemState state{.event = packed.decision.event(),
                  .record = {.time = packed.decision.time(),
                             .event = packed.decision.event(),
                             .item = std::string{packed.id},
                             .key = std::string{packed.key},
                             .attempt = packed.attempt,
                             .part = parts_[packed.part],
                             .part_bytes = packed.part_bytes,
                             .content = std::string{packed.content}},
                  .attempts = packed.attempts,
                  .crashes = packed.crashes,
                  .started = packed.started};
  if (const auto why = why_.find(*index); why != why_.end()) {
    state.record.category = why->second.category;
    state.record.reason = why->second.reason;
  }
  return state;
}

std::optional<ItemState> ItemStates::find(const requests::ItemKey& key) const {
  return find(registry::hex(key));
}

std::optional<ItemState> ItemStates::find_done(std::string_view key) const {
  const std::optional<std::uint32_t> index = slot(key);
  const bool is_done = index && states_[*index].decision.outcome() == ItemOutcome::done;
  return is_done ? find(key) : std::nullopt;
}

ItemOutcome ItemStates::outcome(const requests::ItemKey& key) const {
  const std::optional<std::uint32_t> index = slot(registry::hex(key));
  return index ? states_[*index].decision.outcome() : ItemOutcome::left;
}

ItemState ItemStates::at(std::string_view key) const {
  if (std::optional<ItemState> state = find(key)) return *std::move(state);
  throw std::out_of_range("no item of this key");
}

}  // namespace ditmill::jobs::results

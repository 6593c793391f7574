#include "jobs/results/listing/listing.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/run_again.h"
#include "jobs/results/listing/frozen_lines.h"
#include "jobs/results/listing/require_run.h"

namespace ditmill::jobs::results {
namespace {

using nlohmann::json;

constexpr const char* reading_items = "read the items of a run";

void add_state(ListedItem& item, const ItemState& state) {
  item.outcome = state.outcome();
  item.attempts = state.attempts;
  if (item.outcome == ItemOutcome::left) return;
  if (state.started > 0) item.seconds = std::max(0.0, state.record.time - state.started);
  item.ended = state.record.time;
  item.part = state.record.part;
  item.stored = state.record.item;
  item.content = state.record.content;
  item.category = category_of(state.record);
  item.reason = state.record.reason;
}

}  // namespace

void for_each_line(const RunDirectory& run, const JournalState& journals,
                   const std::function<void(ListedItem&&, const json& line)>& take) {
  std::optional<FrozenLines> lines = FrozenLines::open(run.requests(), reading_items);
  if (!lines) {
    require_run(run, reading_items);
    throw Error(Category::not_found, reading_items, Where{.file = run.requests()}, {}, {}, see_verify(run));
  }
  json line;
  while (lines->next()) {
    FrozenHead head = lines->head(line);
    ListedItem item{.id = std::move(head.id),
                    .key = std::move(head.key),
                    .width = head.width,
                    .height = head.height,
                    .frames = head.frames};
    if (const std::optional<ItemState> state = journals.by_key.find(item.key)) add_state(item, *state);
    take(std::move(item), line);
  }
}

void for_each_item(const RunDirectory& run, const JournalState& journals,
                   const std::function<void(ListedItem&&)>& take) {
  for_each_line(run, journals, [&take](ListedItem&& item, const json&) { take(std::move(item)); });
}

std::vector<ListedItem> list_items(const RunDirectory& run, const JournalState& journals) {
  std::vector<ListedItem> items;
  for_each_item(run, journals, [&items](ListedItem&& item) { items.push_back(std::move(item)); });
  return items;
}

}  // namespace ditmill::jobs::results

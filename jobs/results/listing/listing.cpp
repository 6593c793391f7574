#include "jobs/results/listing/listing.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "configs/request.h"
#include "jobs/results/files/run_again.h"
#include "jobs/results/listing/frozen_lines.h"
#include "jobs/results/listing/require_run.h"

namespace ditmill::jobs::results {
namespace {

using nlohmann::json;

constexpr const char* reading_items = "read the items of a run";

std::string required_text(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int number(const json& request, const char* field) {
  const auto found = request.find(field);
  return found != request.end() && found->is_number_integer() ? found->get<int>() : 0;
}

/// Takes no more than what is listed: results of a list that `run` would refuse can still be had.
ListedItem read_line(const json& object, std::string_view line, const FrozenLines& lines) {
  ListedItem item;
  if (object.is_object()) {
    item.id = required_text(object, "id");
    item.key = required_text(object, "key");
  }
  const auto request = object.is_object() ? object.find("request") : object.end();
  if (!configs::is_id(item.id) || item.key.empty() || request == object.end() || !request->is_object()) {
    lines.refuse("an object with id, key and request", printable(line, 80));
  }
  item.width = number(*request, "width");
  item.height = number(*request, "height");
  item.frames = number(*request, "frames");
  return item;
}

void add_state(ListedItem& item, const ItemState& state) {
  item.outcome = outcome_of(state.event);
  item.attempts = state.attempts;
  if (item.outcome == ItemOutcome::left) return;
  if (state.started > 0) item.seconds = std::max(0.0, state.record.time - state.started);
  item.ended = state.record.time;
  item.part = state.record.part;
  item.stored = state.record.item;
  item.content = state.record.content;
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
  for (std::string_view line; lines->next(line);) {
    const json object = json::parse(line, nullptr, false);
    ListedItem item = read_line(object, line, *lines);
    if (const std::optional<ItemState> state = journals.by_key.find(item.key)) add_state(item, *state);
    take(std::move(item), object);
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

#include "jobs/run/frozen/selection.h"

#include <algorithm>
#include <set>

#include "configs/error.h"
#include "configs/suggest.h"

namespace ditmill::jobs::run {
namespace {

void choose_only(const requests::ItemList& items, const std::vector<std::string>& only,
                 std::vector<bool>& chosen) {
  const std::set<std::string_view> wanted(only.begin(), only.end());
  std::set<std::string_view> unknown = wanted;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string_view id = items.packed()[i].id;
    chosen[i] = wanted.contains(id);
    if (chosen[i]) unknown.erase(id);
  }
  if (unknown.empty()) return;
  std::vector<std::string> ids;
  ids.reserve(items.size());
  for (const requests::PackedItem& item : items.packed()) ids.emplace_back(item.id);
  std::vector<Problem> problems;
  for (const std::string_view id : unknown) {
    problems.push_back({.message = "--only: there is no item of this id in the list",
                        .expected = "the id of one of the " + std::to_string(items.size()) + " items",
                        .got = std::string{id},
                        .nearest = configs::nearest(std::string{id}, ids)});
  }
  throw Error{std::move(problems)};
}

/// The middles of `count` equal stretches of the list.
void choose_spread(std::size_t count, std::vector<bool>& chosen) {
  const std::size_t size = chosen.size();
  std::fill(chosen.begin(), chosen.end(), count >= size);
  if (count >= size) return;
  for (std::size_t i = 0; i < count; ++i) chosen[(2 * i + 1) * size / (2 * count)] = true;
}

}  // namespace

std::vector<bool> chosen_items(const requests::ItemList& items, const Selection& selection) {
  std::vector<bool> chosen(items.size(), true);
  if (!selection.only.empty()) choose_only(items, selection.only, chosen);
  if (selection.pilot > 0) choose_spread(static_cast<std::size_t>(selection.pilot), chosen);
  return chosen;
}

std::vector<PendingItem> select_pending(const requests::ItemList& items, const std::vector<bool>& chosen,
                                        const std::vector<PendingItem>& pending, bool shuffle) {
  std::vector<PendingItem> selected;
  std::copy_if(pending.begin(), pending.end(), std::back_inserter(selected),
               [&chosen](const PendingItem& each) { return chosen[each.item]; });
  if (shuffle) {
    std::stable_sort(selected.begin(), selected.end(), [&items](const PendingItem& a, const PendingItem& b) {
      return items.packed()[a.item].key < items.packed()[b.item].key;
    });
  }
  return selected;
}

}  // namespace ditmill::jobs::run

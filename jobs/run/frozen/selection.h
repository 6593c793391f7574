#pragma once

#include <string>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::run {

/// Which items a start takes up, and in what order.
struct Selection {
  std::vector<std::string> only = {};  ///< ids; empty: all
  int pilot = 0;                       ///< so many, spread evenly over the list; 0: all
  bool shuffle = false;  ///< in the order of their keys, which is as good as random and always the same
};

/// The items that a start takes up, by index; one flag an item. Throws Error(usage) naming the ids of `only`
/// that are not in the list, each with the nearest one that is.
std::vector<bool> chosen_items(const requests::ItemList& items, const Selection& selection);

/// Those of `pending` that are chosen, in the order in which they are handed out.
std::vector<PendingItem> select_pending(const requests::ItemList& items, const std::vector<bool>& chosen,
                                        const std::vector<PendingItem>& pending, bool shuffle);

}  // namespace ditmill::jobs::run

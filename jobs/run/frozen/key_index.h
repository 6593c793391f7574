#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "jobs/requests/items/item_list.h"

namespace ditmill::jobs::run {

/// Finds the items of a list by their keys, in 4 bytes an item. The list outlives it. Items that differ only
/// in their ids share a key: then any of them.
class KeyIndex {
 public:
  explicit KeyIndex(const requests::ItemList& list);

  /// `hex`: as a journal has it. Null if there is none.
  const requests::PackedItem* find(std::string_view hex) const;

 private:
  const requests::ItemList* list_;
  std::vector<std::uint32_t> order_;
};

}  // namespace ditmill::jobs::run

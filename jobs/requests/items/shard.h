#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/requests/items/item_list.h"

namespace ditmill::jobs::requests {

/// One of `count` parts of a list: the items whose position in it, once expanded, is `index` modulo `count`.
/// Parts differ by an item at most, and keep what they have when the list grows at its end.
struct Shard {
  static constexpr int most = 1 << 20;

  int index = 0;
  int count = 1;

  bool operator==(const Shard&) const = default;
  /// How many of so many items are its own.
  std::size_t size(std::size_t items) const;
};

inline constexpr const char* shard_form = "I/K, the part I of K: 0/4, 1/4, 2/4 or 3/4";

/// "2/4"; none for another text.
std::optional<Shard> shard_from_text(std::string_view text);
/// The other way; of none, "the whole list".
std::string describe(const std::optional<Shard>& shard);

/// Keeps the items of the shard, in their order.
void keep_shard(ItemList& items, const Shard& shard);
/// A list of the shard's items alone.
ItemList shard_of(const ItemList& items, const Shard& shard);

}  // namespace ditmill::jobs::requests

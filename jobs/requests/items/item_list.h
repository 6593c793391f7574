#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "jobs/requests/items/item.h"

namespace ditmill::jobs::requests {

/// Texts that stay where they are until the arena goes: packed one after the other, without a header each.
class TextArena {
 public:
  std::string_view keep(std::string_view text);
  /// As keep(), for texts that are likely to come again: equal ones share their bytes.
  std::string_view share(std::string_view text);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t left_ = 0;
  std::unordered_set<std::string_view> shared_;
};

/// An item as a list holds it; the texts are the list's.
struct PackedItem : PackedRequest {
  std::string_view metadata;
  int line = 0;
  int column = 0;
  bool has_key = false;
  ItemKey key{};
};

/// The items of a job, in little more than their own bytes: a million of them are held by rank 0 as long as
/// the job runs. Move-only. An Item is made when it is asked for; those that are only looked at stay packed.
class ItemList {
 public:
  ItemList() = default;
  ItemList(std::initializer_list<Item> items);

  void add(const Item& item);
  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }
  Item operator[](std::size_t index) const;
  /// Throws std::out_of_range.
  Item at(std::size_t index) const;
  std::span<const PackedItem> packed() const noexcept { return items_; }

  /// Gives every item its key.
  void set_keys(ItemKeys keys);
  /// Gives the items that `other` has under the same id the keys that they have there.
  void take_keys(const ItemList& other);
  /// Keeps the items of these indices, in that order.
  void select(const std::vector<std::uint32_t>& order);

 private:
  TextArena texts_;
  std::vector<PackedItem> items_;
};

/// Finds the items of a list by their ids, in 4 to 8 bytes an item. The list outlives it.
class IdIndex {
 public:
  explicit IdIndex(const ItemList& list) : list_(&list) {}

  /// Adds the item of that index, unless one of the same id is there: then its index is returned.
  std::optional<std::size_t> insert(std::size_t index);
  std::optional<std::size_t> find(std::string_view id) const;

 private:
  /// The slot of an id: that of its item, or the free one where it belongs.
  std::size_t slot_of(std::string_view id) const;
  void grow();

  const ItemList* list_;
  std::vector<std::uint32_t> slots_;  ///< index + 1; 0: free
  std::size_t used_ = 0;
};

}  // namespace ditmill::jobs::requests

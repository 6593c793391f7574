#include "jobs/requests/items/item_list.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "configs/error.h"
#include "registry/digest.h"

namespace ditmill::jobs::requests {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;
/// A list whose every line has other texts must not fill the memory with what is remembered of them.
constexpr std::size_t most_shared = 4096;

ItemKey key_from_hex(std::string_view text) {
  ItemKey key{};
  if (text.size() != 2 * key.size()) throw Error{Category::internal, "keep an item's key"};
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }
  return key;
}

}  // namespace

std::string_view TextArena::keep(std::string_view text) {
  if (text.empty()) return {};
  if (blocks_.empty() || text.size() > left_) {
    left_ = std::max(block_bytes, text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    free_ = blocks_.back().get();
  }
  std::memcpy(free_, text.data(), text.size());
  const std::string_view kept{free_, text.size()};
  free_ += text.size();
  left_ -= text.size();
  return kept;
}

std::string_view TextArena::share(std::string_view text) {
  if (const auto found = shared_.find(text); found != shared_.end()) return *found;
  const std::string_view kept = keep(text);
  if (shared_.size() < most_shared) shared_.insert(kept);
  return kept;
}

ItemList::ItemList(std::initializer_list<Item> items) {
  for (const Item& item : items) add(item);
}

void ItemList::add(const Item& item) {
  const configs::Request& request = item.request;
  PackedItem packed{{.id = texts_.keep(request.id),
                     .prompt = texts_.keep(request.prompt),
                     .negative_prompt = texts_.share(request.negative_prompt),
                     .seed = request.seed,
                     .width = request.width,
                     .height = request.height,
                     .frames = request.frames,
                     .fps = request.fps,
                     .more = texts_.share(packed_fields(request.more))},
                    texts_.share(item.metadata),
                    item.line,
                    item.column,
                    !item.key.empty()};
  if (packed.has_key) packed.key = key_from_hex(item.key);
  items_.push_back(packed);
}

Item ItemList::operator[](std::size_t index) const {
  const PackedItem& item = items_[index];
  return {.request = {.id = std::string{item.id},
                      .prompt = std::string{item.prompt},
                      .negative_prompt = std::string{item.negative_prompt},
                      .seed = item.seed,
                      .width = item.width,
                      .height = item.height,
                      .frames = item.frames,
                      .fps = item.fps,
                      .more = unpacked_fields(item.more)},
          .metadata = std::string{item.metadata},
          .line = item.line,
          .column = item.column,
          .key = item.has_key ? registry::hex(item.key) : std::string{}};
}

Item ItemList::at(std::size_t index) const {
  static_cast<void>(items_.at(index));
  return (*this)[index];
}

void ItemList::set_keys(ItemKeys keys) {
  for (PackedItem& item : items_) {
    item.key = keys.of(item);
    item.has_key = true;
  }
}

void ItemList::take_keys(const ItemList& other) {
  IdIndex ids{other};
  for (std::size_t i = 0; i < other.size(); ++i) ids.insert(i);
  for (PackedItem& item : items_) {
    const std::optional<std::size_t> found = ids.find(item.id);
    if (!found) continue;
    item.key = other.items_[*found].key;
    item.has_key = other.items_[*found].has_key;
  }
}

void ItemList::select(const std::vector<std::uint32_t>& order) {
  std::vector<PackedItem> selected;
  selected.reserve(order.size());
  for (const std::uint32_t index : order) selected.push_back(items_[index]);
  items_ = std::move(selected);
}

std::size_t IdIndex::slot_of(std::string_view id) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(id)&mask;
  while (slots_[slot] != 0 && list_->packed()[slots_[slot] - 1].id != id) slot = (slot + 1) & mask;
  return slot;
}

void IdIndex::grow() {
  const std::vector<std::uint32_t> before = std::move(slots_);
  slots_.assign(std::max<std::size_t>(before.size() * 2, 64), 0);
  for (const std::uint32_t entry : before) {
    if (entry != 0) slots_[slot_of(list_->packed()[entry - 1].id)] = entry;
  }
}

std::optional<std::size_t> IdIndex::insert(std::size_t index) {
  if (4 * (used_ + 1) > 3 * slots_.size()) grow();
  const std::size_t slot = slot_of(list_->packed()[index].id);
  if (slots_[slot] != 0) return slots_[slot] - 1;
  slots_[slot] = static_cast<std::uint32_t>(index + 1);
  ++used_;
  return std::nullopt;
}

std::optional<std::size_t> IdIndex::find(std::string_view id) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint32_t entry = slots_[slot_of(id)];
  return entry == 0 ? std::nullopt : std::optional<std::size_t>{entry - 1};
}

}  // namespace ditmill::jobs::requests

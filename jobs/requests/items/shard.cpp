#include "jobs/requests/items/shard.h"

#include <cstdint>
#include <vector>

#include "configs/number_text.h"

namespace ditmill::jobs::requests {
namespace {

std::optional<int> number(std::string_view text) {
  return text.starts_with('-') ? std::nullopt : number_from_text<int>(text);
}

std::vector<std::uint32_t> positions_of(const Shard& shard, std::size_t items) {
  std::vector<std::uint32_t> positions;
  positions.reserve(shard.size(items));
  for (auto i = static_cast<std::size_t>(shard.index); i < items;
       i += static_cast<std::size_t>(shard.count)) {
    positions.push_back(static_cast<std::uint32_t>(i));
  }
  return positions;
}

}  // namespace

std::size_t Shard::size(std::size_t items) const {
  const auto first = static_cast<std::size_t>(index);
  const auto step = static_cast<std::size_t>(count);
  return first >= items ? 0 : (items - first - 1) / step + 1;
}

std::optional<Shard> shard_from_text(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<int> index = number(text.substr(0, slash));
  const std::optional<int> count = number(text.substr(slash + 1));
  if (!index || !count || *count > Shard::most || *index >= *count) return std::nullopt;
  return Shard{*index, *count};
}

std::string describe(const std::optional<Shard>& shard) {
  return shard ? std::to_string(shard->index) + "/" + std::to_string(shard->count) : "the whole list";
}

void keep_shard(ItemList& items, const Shard& shard) { items.select(positions_of(shard, items.size())); }

ItemList shard_of(const ItemList& items, const Shard& shard) {
  ItemList its;
  for (const std::uint32_t position : positions_of(shard, items.size())) its.add(items[position]);
  return its;
}

}  // namespace ditmill::jobs::requests

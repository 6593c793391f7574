#include "jobs/run/frozen/key_index.h"

#include <algorithm>
#include <numeric>

#include "registry/digest.h"

namespace ditmill::jobs::run {

KeyIndex::KeyIndex(const requests::ItemList& list) : list_(&list), order_(list.size()) {
  std::iota(order_.begin(), order_.end(), 0U);
  std::sort(order_.begin(), order_.end(), [&list](std::uint32_t a, std::uint32_t b) {
    return list.packed()[a].key < list.packed()[b].key;
  });
}

const requests::PackedItem* KeyIndex::find(std::string_view hex) const {
  const auto text = [this](std::uint32_t index) { return registry::hex(list_->packed()[index].key); };
  const auto found =
      std::lower_bound(order_.begin(), order_.end(), hex,
                       [&](std::uint32_t index, std::string_view key) { return text(index) < key; });
  if (found == order_.end() || text(*found) != hex) return nullptr;
  return &list_->packed()[*found];
}

}  // namespace ditmill::jobs::run

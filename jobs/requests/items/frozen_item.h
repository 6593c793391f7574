#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/requests/text/json_line.h"

namespace ditmill::jobs::requests {

/// What keeps a line from being a frozen item, and at which of its bytes.
struct FrozenFault {
  std::size_t offset = 0;
  std::string expected;
  std::string got;
};

/// A line of requests.jsonl, with its newline: {id, key, request, metadata}.
void append_frozen_item(std::string& out, const PackedItem& item);
/// Whether the fields of a line are those four and no others: it is of an earlier run's frozen list.
bool is_frozen_item(const std::vector<JsonField>& fields);
/// Reads such a line into an item: request, metadata and key; all of it is final. `line` is what `fields` are
/// slices of. What is wrong is returned, and the item is then incomplete.
std::optional<FrozenFault> read_frozen_item(std::string_view line, const std::vector<JsonField>& fields,
                                            Item& item);

}  // namespace ditmill::jobs::requests

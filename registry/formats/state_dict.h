#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "registry/formats/bounded_memory.h"
#include "registry/formats/pickle_object.h"
#include "registry/formats/pth.h"

namespace ditmill::registry {

/// Where the bytes of the storage of a key begin in the file.
using StorageBegin = std::function<std::uint64_t(std::string_view key)>;

/// Names the tensors of a dictionary by the paths of their keys, lists what else is in it, and hashes its
/// keys; all of PthHeader but header_bytes. Precondition: `storage_begin` knows every storage of the object.
/// Throws Error(bad_input): no dictionary, a name twice, empty, not UTF-8 or with control characters, nesting
/// over 200, over 1,000,000 items.
PthHeader read_state_dict(const PickleObject& object, const StorageBegin& storage_begin,
                          BoundedMemory& memory);

/// Counts an item of a dictionary that is visited at a depth; refuses too many, and too deep ones.
void count_item(const PickleObject& object, PickleValue key, std::uint64_t& items, unsigned depth);

}  // namespace ditmill::registry

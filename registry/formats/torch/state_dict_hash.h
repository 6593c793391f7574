#pragma once

#include <string>

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_object.h"

namespace ditmill::registry {

/// TeleFuser's key hash of a dictionary as it is nested: a string key adds its name, and its tensor's shape;
/// a dictionary adds keys of its own only under a key that is no string ("0|a,a:2"). Throws Error(bad_input)
/// for dictionaries under keys that are neither strings nor whole numbers, nesting over 200, more items
/// than VisitLimit takes.
std::string state_dict_hash(const PickleObject& object, bool with_shapes, BoundedMemory& memory);

}  // namespace ditmill::registry

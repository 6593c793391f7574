#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "registry/tools/open_weights.h"

namespace ditmill::registry {

/// A component as TeleFuser's viewer exports it: {summary, weights_structure, metadata}; never cut or merged.
/// The keys on the way to a leaf, joined with dots, are its tensor's name; where a name begins another (`a`
/// and `a.b`), the leaf `a` stands beside a key `a.b`. As that viewer does it, nested dictionaries are hashed
/// as if they were one.
nlohmann::json export_json(const Component& component, std::int64_t timestamp);
/// The same of several: an object of them by name.
nlohmann::json export_json(std::span<const NamedComponent> components, std::int64_t timestamp);

}  // namespace ditmill::registry

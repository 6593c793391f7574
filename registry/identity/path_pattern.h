#pragma once

#include <span>
#include <string>
#include <vector>

#include "registry/identity/weight_files.h"

namespace ditmill::registry {

/// The paths that a pattern (`*`, `?`, `[...]`) matches, sorted, as a shell finds them. What exists is itself
/// whatever is in its name; so is a pattern that nothing matches.
std::vector<std::string> expand_pattern(const std::string& path);

/// Paths in their order, each a group of its own; but all shards (`-i-of-n-`) of a set are one, named by
/// their folder, and shards beside their index are none.
std::vector<WeightGroup> group_shards(std::span<const std::string> paths);

}  // namespace ditmill::registry

#pragma once

#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/yaml_reader.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// Reads a rule of names of a catalog of an earlier version: {from, to, unused, part, parts, dim}. `path` is
/// its path in the file. What is wrong with it is added to `problems`, also an expression that is long, large
/// or needs more than polynomial time.
NameRule read_name_rule(const configs::YamlNode& node, const std::string& path, const std::string& file,
                        std::vector<Problem>& problems);

}  // namespace ditmill::registry

#pragma once

#include <string>
#include <string_view>

#include "configs/yaml_reader.h"

namespace ditmill::jobs::plan {

/// A strict JSON document (as registry/formats/json_scanner.h has it) as a tree that readers of YAML take,
/// each value with its line and column. Strings are quoted scalars. `doing` and `file` go into errors. Throws
/// Error(bad_input) with the byte's offset, for strings that hold a NUL too: nothing of ditmill's takes them.
configs::YamlNode json_tree(std::string_view text, const std::string& doing, const std::string& file);

}  // namespace ditmill::jobs::plan

#pragma once

#include <string>
#include <string_view>

#include "configs/yaml_reader.h"

namespace ditmill::configs {

/// A tree as YAML text that parse_yaml() reads back to the same tree (places and origins apart).
std::string to_yaml(const configs::YamlNode& node);

/// Text as a double-quoted scalar.
std::string yaml_quoted(std::string_view text);

}  // namespace ditmill::configs

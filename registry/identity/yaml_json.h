#pragma once

#include <nlohmann/json_fwd.hpp>

#include "configs/yaml_reader.h"

namespace ditmill::registry {

/// A YAML value as JSON: what looks like a whole number, a real one or a boolean and is not quoted is one.
nlohmann::json to_json(const configs::YamlNode& node);

}  // namespace ditmill::registry

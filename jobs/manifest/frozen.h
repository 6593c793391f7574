#pragma once

#include <string>
#include <vector>

#include "configs/yaml_reader.h"

namespace ditmill::jobs {

/// A tree as YAML text that parse_yaml() reads back to the same tree (places and origins apart).
std::string to_yaml(const configs::YamlNode& node);

/// What differs between two frozen manifests, a line each: "output.compression: none, now gzip". Items
/// written in the manifest are left out: requests.jsonl tells of them.
std::vector<std::string> manifest_changes(const std::string& before, const std::string& after);

}  // namespace ditmill::jobs

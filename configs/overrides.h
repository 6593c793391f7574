#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {

/// Applies one `--set` option, `a.b.c=V`, to a tree before it is validated: V is YAML; mappings on the way
/// are made; an element of a list is named by its number from 0. What is wrong with the option is a problem
/// whose file is `--set a.b.c`, and so is anything that readers find wrong with the value later
/// (YamlNode::origin).
void apply_override(YamlNode& root, std::string_view option, std::vector<Problem>& problems);
/// Applies options in order: later ones win.
void apply_overrides(YamlNode& root, const std::vector<std::string>& options, std::vector<Problem>& problems);

}  // namespace ditmill::configs

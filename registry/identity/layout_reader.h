#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/yaml_reader.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// Fields that layouts and entries of a catalog share. One that is missing or wrong is reported to the
/// reader.
void read_name(configs::MapReader& reader, std::string_view key, std::string& out);
void read_role(configs::MapReader& reader, std::string& out);
void read_layout_name(configs::MapReader& reader, std::string& out);

/// A layout as catalogs of earlier versions have it, names by regular expressions. `path` is its dotted path
/// in `file`; what is wrong with it is added to `problems`.
Layout read_layout(const configs::YamlNode& node, const std::string& path, const std::string& file,
                   std::vector<Problem>& problems);

/// An architecture states its tensors once, by the names of the layers; each of its layouts says what files
/// call them.
void read_architecture(const configs::YamlNode& node, const std::string& path, const std::string& file,
                       std::vector<Layout>& architectures, std::vector<Layout>& layouts,
                       std::vector<Problem>& problems);

}  // namespace ditmill::registry

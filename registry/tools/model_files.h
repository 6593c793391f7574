#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// The config.json of a component in a layout, as the catalog has it for these hyper-parameters; null if it
/// has none there.
nlohmann::json component_config(const Layout& layout, const nlohmann::json& hyper_parameters);

/// A component that has been put into a model folder.
struct PlacedComponent {
  std::string slot;
  std::string architecture;
  std::string class_name = {};  ///< of its config.json; empty: the slot's
};

/// The release that is nearest to a model: with the same slots, whose transformer is that entry, or has the
/// same hyper-parameters and channels; or null.
const Release* nearest_release(const FamilySlots& family, const Catalog& catalog,
                               const std::vector<PlacedComponent>& placed, std::string_view variant,
                               const nlohmann::json& hyper_parameters);

/// The model_index.json of a folder that holds these; `release` (null: unknown) tells the pipeline and more.
nlohmann::json model_index(const FamilySlots& family, const std::vector<PlacedComponent>& placed,
                           const Release* release);
/// Writes the family's small files of the diffusers layout, but those whose folder is there; they are added
/// to `written`. Throws Error(io).
void write_settings(const FamilySlots& family, const std::vector<PlacedComponent>& placed,
                    const Release* release, const std::string& folder, std::vector<std::string>& written);
/// Writes JSON as people read it. Throws Error: usage if the path is taken, no_space, io.
void write_json_file(const std::string& path, const nlohmann::json& value);

}  // namespace ditmill::registry

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

/// A component that a model's index names.
struct IndexedComponent {
  std::string name;
  std::string library;          ///< "diffusers"; empty: [null, null], which says that there is none
  std::string class_name;       ///< "WanTransformer3DModel"
  std::string repository = {};  ///< of a modular index: which repository of the hub it is fetched from

  bool absent() const noexcept { return library.empty(); }
};

/// What a model folder says that it consists of.
struct ModelIndex {
  std::string file;                               ///< where the index is, or would be
  bool there = false;                             ///< false: the folder has none, and all else is empty
  std::vector<IndexedComponent> components = {};  ///< by name
  bool has_boundary = false;                      ///< boundary_ratio is there: two experts share the steps

  /// Its entry of that name, or null.
  const IndexedComponent* find(std::string_view name) const noexcept;
  /// Whether it names a component, other than as [null, null].
  bool names(std::string_view component) const noexcept;
};

/// Whether a name is that of a component whatever the index says of it.
using IsComponent = std::function<bool(std::string_view name)>;

/// Reads a folder's model_index.json. Throws Error(bad_input) for one that is malformed, or whose download
/// has not finished.
ModelIndex read_model_index(const std::string& folder, const IsComponent& is_component);
/// The same; without one its modular_model_index.json, whose entries also say where they are fetched from.
ModelIndex read_any_index(const std::string& folder, const IsComponent& is_component);

}  // namespace ditmill::registry

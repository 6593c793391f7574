#pragma once

#include <span>
#include <string_view>

namespace ditmill::registry {

/// What a component's folder must hold for its loader.
enum class Needs {
  weights,  ///< tensors, and a config.json that goes with them
  config,   ///< one small JSON file
  files,    ///< those of a tokenizer
  nothing,  ///< what is there is told
};

/// Which keys of a component have to fit those that its architecture knows.
enum class Strictness {
  always,          ///< a key that is missing or unexpected is an error
  missing_only,    ///< one that is missing is; an unexpected one is a warning
  listed_classes,  ///< always for the classes in `strict_classes`; else `never`
  never,           ///< both are warnings
};

/// A kind of component as model_index.json has them, and how it is loaded: a row of a table.
struct ComponentType {
  std::string_view loader;                    ///< names the row: "text encoder"
  std::span<const std::string_view> names;    ///< of components
  bool numbered = false;                      ///< also NAME_2, NAME_3, ...
  std::span<const std::string_view> library;  ///< whose classes it takes; empty: any
  Needs needs = Needs::nothing;
  std::string_view role = {};  ///< of the catalog, of its weights; empty: any
  Strictness strictness = Strictness::never;
  std::span<const std::string_view> strict_classes = {};
  /// Kinds of weight files by how names end: all those of the first of which there are any.
  std::span<const std::string_view> weight_files = {};
  /// Of what else these weights may hold, the first words of names: loaders of it pass over them.
  std::span<const std::string_view> passed_over = {};
  /// Small files: the first that is there is its configuration.
  std::span<const std::string_view> config_files = {};
};

/// The row of a component's name; of one that no row has, the generic one.
const ComponentType& component_type(std::string_view name) noexcept;
/// The row for weights of a role, of a component whose name tells nothing; the generic one if there is none.
const ComponentType& component_type_of_role(std::string_view role) noexcept;
/// All rows, the generic one last.
std::span<const ComponentType> component_types() noexcept;
inline bool is_generic(const ComponentType& type) noexcept { return type.names.empty(); }

/// Whether a loader takes classes of a library: one of its row, or of FastVideo's own
/// ("fastvideo.models...").
bool takes_library(const ComponentType& type, std::string_view library) noexcept;
/// Whether a missing key, or one that is unexpected, of a component of that class is an error.
bool is_strict_of_missing(const ComponentType& type, std::string_view class_name) noexcept;
bool is_strict_of_unexpected(const ComponentType& type, std::string_view class_name) noexcept;

/// Whether a file beside weights is what training keeps, and not needed for inference, by how its name ends.
bool is_not_for_inference(std::string_view file_name) noexcept;

}  // namespace ditmill::registry

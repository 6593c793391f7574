#pragma once

#include <span>
#include <string_view>

namespace ditmill::registry {

/// A component of a repository and the subfolder it is in; "" is the repository itself.
struct DiffusersPart {
  std::string_view name;
  std::string_view subfolder;
};

/// What diffusers can take a checkpoint for.
struct DiffusersType {
  std::string_view name;
  std::string_view repo;       ///< where it takes configurations from
  std::string_view subfolder;  ///< may be empty
  std::string_view pipeline;   ///< the class that runs it; empty: none does
  std::span<const DiffusersPart> parts;
  std::string_view family;
  std::string_view role;  ///< of what the type's rule looks at; empty: none of contracts.md's
};

/// diffusers' DIFFUSERS_DEFAULT_PIPELINE_PATHS, in its order, and what it leaves to its pipelines.
std::span<const DiffusersType> diffusers_types() noexcept;
/// The type of that name; null if there is none.
const DiffusersType* diffusers_type_named(std::string_view name) noexcept;

}  // namespace ditmill::registry

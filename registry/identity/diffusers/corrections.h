#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/identity/diffusers/diffusers_types.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What a checkpoint is, by diffusers' rules as far as they are right.
struct CorrectedType {
  std::string_view family;
  std::string_view role;  ///< empty: none of contracts.md's
  /// One; several between which no header decides; or none: a model of the family that diffusers takes for
  /// another.
  std::vector<const DiffusersType*> types;
};

/// As diffusers_type(), but `v1` is Stable Diffusion 1 only, and what the rules take for something else is
/// not said. Nothing where they say nothing, or end with an exception.
std::optional<CorrectedType> corrected_type(const ShapeTable& shapes, const std::string& label);

}  // namespace ditmill::registry

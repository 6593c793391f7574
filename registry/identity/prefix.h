#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/identity/catalog.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What stands before the names of a layout's tensors, a wrapper's or a dictionary's name ("module.",
/// "model.diffusion_model."), whatever else the file holds; empty if there is nothing of the kind.
std::string find_prefix(const ShapeTable& shapes, const Catalog& catalog);
/// The tensors whose names have the prefix, without it. The names are views into those of `shapes`.
std::vector<NamedShape> behind(const ShapeTable& shapes, std::string_view prefix);

}  // namespace ditmill::registry

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "registry/component.h"
#include "registry/identity/catalog.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What stands before the names of a layout's tensors, a wrapper's or a dictionary's name ("module.",
/// "model.diffusion_model."), whatever else the file holds; empty if there is nothing of the kind.
std::string find_prefix(const ShapeTable& shapes, const Catalog& catalog);
/// The tensors whose names have the prefix, without it. The names are views into those of `shapes`.
std::vector<NamedShape> behind(const ShapeTable& shapes, std::string_view prefix);
/// The error for weights with a prefix, which are not run: its hint is the command that takes it off.
Error prefix_error(const Component& component);

}  // namespace ditmill::registry

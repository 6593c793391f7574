#pragma once

#include "registry/components/load_report.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// Adds a finding if the loader takes no classes of the library that the index says.
void check_library(LoadedComponent& one);
/// Adds a finding if a component's own configuration says another class than the index; without an index, its
/// own is the component's class.
void check_config_class(LoadedComponent& one);
/// Gives a component whose class nothing says the one that the catalog has for its architecture.
void settle_class(LoadedComponent& one, const Catalog& catalog);
/// Adds a finding if the catalog has other classes for the architecture of the weights: an error if it has
/// the class for another one. `layout` (null: none) is what they were bound by.
void check_architecture_class(LoadedComponent& one, const Layout* layout, const Catalog& catalog);

}  // namespace ditmill::registry

#pragma once

#include <string>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::plan {

/// Why `run` would refuse a component whatever it is put beside, in words; empty if it would not. As `run`,
/// it asks the catalog, then the layers of the family.
std::string why_not_runnable(const registry::Component& component, const registry::Catalog& catalog);

}  // namespace ditmill::jobs::plan

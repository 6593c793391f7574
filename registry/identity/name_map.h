#pragma once

#include <vector>

#include "registry/component.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// The tensors of a component under the names that the family's layers know, by the rules of its layout: what
/// `Component::named` becomes. Empty where the layout has no rules. Throws Error(bad_input) listing every
/// name that two tensors get, every group of parts that is incomplete and all parts that cannot be joined.
std::vector<NamedTensor> name_tensors(const Component& component, const Layout& layout);

}  // namespace ditmill::registry

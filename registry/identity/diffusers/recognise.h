#pragma once

#include "registry/component.h"

namespace ditmill::registry {

/// Completes the identity of a component that neither an entry nor a layout of the catalog knows, by the
/// corrected rules of diffusers (corrections.h): family, role (with `roles` of a bundle), type or candidates,
/// and a prefix that all names share. Leaves it as it is where those know it no better. For what is only to
/// be told, not run.
void recognise_by_cascade(Component& component);

}  // namespace ditmill::registry

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "registry/identity/catalog.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// The layout of the catalog that a component's names are of, or null: the first whose marks are all there.
const Layout* fingerprint(const ShapeTable& shapes, const Catalog& catalog);

/// The catalog entries that share most with a component, best first, at most three, as JSON:
/// {name, shared, misshapen, missing, extra} (counts) and the first few names of each kind of difference.
/// Entries whose layout or hyper-parameters the catalog does not hold, or that share no name, are left out.
nlohmann::json nearest_entries(const ShapeTable& shapes, const Catalog& catalog);

/// One element of nearest_entries() as a line of text.
std::string describe_difference(const nlohmann::json& nearest);

}  // namespace ditmill::registry

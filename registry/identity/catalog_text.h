#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// The head count that a transformer's config.json gives, under the names that the official layout and
/// diffusers use.
std::optional<std::uint64_t> configured_heads(const nlohmann::json& config);

/// The SHA-256 of a component's files.
using DigestsOf = std::function<std::vector<std::string>(const Component&)>;

/// The YAML list of catalog entries that makes components known, usable unchanged as `model.catalog`: the dit
/// is called `name`, the others name-role. `digests` gives the `sha256` of each component; none, if it is
/// empty. Throws Error(unknown_model) for a component that no layout fits:
/// what it is cannot be written down.
std::string catalog_text(std::span<const Component* const> components, const Catalog& catalog,
                         std::string_view name, const DigestsOf& digests = {});

/// What weights are to be taken for, where their names leave it open; either may be empty.
struct TakenFor {
  std::string architecture;
  std::string layout;
};
/// Takes a component for weights of that architecture in that layout. Throws Error(usage) if it lacks the
/// marks of it, or nothing tells what it is.
void take_for(Component& component, const Catalog& catalog, const TakenFor& wanted);

/// A name for entries after a path's last part, that no entry of the catalog has.
std::string free_name(std::string_view path, const Catalog& catalog);

}  // namespace ditmill::registry

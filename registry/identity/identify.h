#pragma once

#include <optional>
#include <span>
#include <string>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// What decides between catalog entries of equal hash.
struct VariantHints {
  std::string
      variant;  ///< the user's choice (`model.variants`): a candidate, or an Error(usage); may be empty
  /// What the model folder tells: the subfolder of an expert of a model with two experts; "" for a model with
  /// one; nothing for a component on its own.
  std::optional<std::string> expert_folder;
};

/// What the headers of a component say it is: the catalog entry of its key hash; else an entry with its
/// names; else a layout whose marks it has; else unknown. Nothing is refused for being unknown.
Identity identify(const ShapeTable& shapes, const Catalog& catalog, const VariantHints& hints);

}  // namespace ditmill::registry

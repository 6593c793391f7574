#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "registry/tools/open_weights.h"
#include "registry/tools/view_tree.h"

namespace ditmill::registry {

/// How weights are shown.
struct ViewOptions {
  TreeLimits tree = {.depth = 5};
  bool quiet = false;  ///< parameters, hashes and files only
  bool bars = false;   ///< the share of parameters of each branch, drawn
};

/// What there is of a component, and its tree, as text; foreign names are made printable.
std::string view_text(const NamedComponent& weights, const ViewOptions& options);
/// The same as data: {path, component, key_hash, key_hash_names, parameters, tensors, dtypes, files, tree:
/// [{path, siblings, tensors, parameters, dtype and shape | children | cut}]}, numbers of one sibling each.
nlohmann::json view_json(const NamedComponent& weights, const ViewOptions& options);

}  // namespace ditmill::registry

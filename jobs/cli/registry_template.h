#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// `registry template PATH --name N`: prints the catalog entries that make the weights at a path (a file, an
/// index, a component's folder or a model folder) known, as YAML usable unchanged as `model.catalog`. What a
/// job would refuse of them nevertheless is a warning in `log`. Returns 0. Throws Error: usage for a name
/// that entries cannot have, and as opening the model does. `more`: a file of further entries; empty: none.
int registry_template(const std::string& path, const std::string& name, const std::string& more,
                      std::ostream& out, std::ostream& log);

/// `registry list`: the catalog, an entry a line, or as a JSON array. Returns 0.
int registry_list(bool json, const std::string& more, std::ostream& out);

}  // namespace ditmill::jobs::cli

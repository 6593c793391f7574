#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs::cli {

struct TemplateOptions {
  std::vector<std::string> paths;  ///< a model folder, or a component: a file, an index, a folder, all shards
  std::string name;                ///< of the variant
  std::string architecture =
      {};                    ///< of the component of its role, if names leave it open; empty: as they say
  std::string layout = {};   ///< of all components; empty: as their names say
  std::string catalog = {};  ///< a file of further entries; empty: none
  bool digest = false;       ///< read the weights and state their SHA-256
};

/// `registry template PATH... --name N`: prints the catalog entries that make weights known, as YAML usable
/// unchanged as `model.catalog`. What a job would refuse of them nevertheless is a warning in `log`. Returns
/// 0. Throws Error: usage for what entries cannot say, or the weights contradict, and as opening the model
/// does.
int registry_template(const TemplateOptions& options, std::ostream& out, std::ostream& log);

/// `registry list`: the catalog, an entry a line, or as a JSON array. Returns 0.
int registry_list(bool json, const std::string& more, std::ostream& out);

}  // namespace ditmill::jobs::cli

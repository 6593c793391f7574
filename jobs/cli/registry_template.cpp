#include "jobs/cli/registry_template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/cli/weights_identify.h"
#include "jobs/plan/bind/runnable.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/catalog.h"
#include "registry/identity/catalog_text.h"
#include "registry/identity/model_folder.h"

namespace ditmill::jobs::cli {
namespace {

/// A shard alone is not a component: an entry made from it would match nothing.
void refuse_lone_shard(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return;
  const std::string file_name = std::filesystem::path{path}.filename().native();
  const std::optional<registry::ShardName> shard = registry::parse_shard_name(file_name);
  if (!shard || shard->count < 2) return;
  throw Error{Category::usage,
              "write a catalog entry",
              Where{.file = path},
              Expected{"all shards of a component"},
              Got{"shard " + std::to_string(shard->number) + " of " + std::to_string(shard->count)},
              "name its index or its folder"};
}

/// Says what a job would refuse of the weights although the entries name them.
void warn_of_unusable(const std::string& path, registry::Catalog catalog, const std::string& entries,
                      std::ostream& log) {
  catalog.add_text(entries, "the entries");
  const registry::ModelFolder folder = registry::open_model_folder(path, catalog);
  for (const registry::Component& component : folder.components) {
    const std::string why = plan::why_not_runnable(component, catalog);
    if (!why.empty()) log << "warning: this entry does not make the weights usable: " << why << "\n";
  }
}

}  // namespace

int registry_template(const std::string& path, const std::string& name, const std::string& more,
                      std::ostream& out, std::ostream& log) {
  if (!registry::is_entry_name(name)) {
    throw Error{Category::usage, "write a catalog entry", Where{.key = "--name"},
                Expected{"letters, digits and ._~-, at most 128, a letter or digit first"},
                Got{printable(name)}};
  }
  refuse_lone_shard(path);
  const registry::Catalog catalog = registry::Catalog::known(more);
  const registry::ModelFolder folder = registry::open_model_folder(path, catalog);
  if (folder.components.empty()) {
    throw Error{Category::bad_input, "write a catalog entry", Where{.file = path},
                Expected{"a model folder with components"}, Got{"none"}};
  }
  std::vector<const registry::Component*> components;
  for (const registry::Component& component : folder.components) components.push_back(&component);
  const std::string entries = registry::catalog_text(components, catalog, name);
  warn_of_unusable(path, catalog, entries, log);
  out << entries;
  return 0;
}

int registry_list(bool json, const std::string& more, std::ostream& out) {
  const registry::Catalog catalog = registry::Catalog::known(more);
  nlohmann::json list = nlohmann::json::array();
  for (const registry::CatalogEntry& entry : catalog.entries()) {
    list.push_back(
        {{"name", entry.name},
         {"family", entry.family},
         {"role", entry.role},
         {"layout", entry.layout},
         {"key_hash", or_null(entry.key_hash)},
         {"key_hash_names", or_null(entry.key_hash_names)},
         {"preset", or_null(entry.preset)},
         {"hyper_parameters", entry.hyper_parameters},
         {"parameters", entry.parameters > 0 ? nlohmann::json(entry.parameters) : nlohmann::json(nullptr)},
         {"words", entry.words},
         {"origin", or_null(entry.origin)},
         {"defect", or_null(entry.defect)},
         {"source", entry.source}});
    if (!json) {
      out << (entry.key_hash.empty() ? std::string(32, '-') : entry.key_hash) << "  " << entry.name << "  "
          << entry.family << " " << entry.role << " " << entry.layout
          << (entry.preset.empty() ? "" : "  preset " + entry.preset)
          << (entry.defect.empty() ? "" : "  defect: " + entry.defect) << "\n";
    }
  }
  if (json) {
    out << list.dump(2) << "\n";
  } else {
    std::set<std::string_view> families;
    for (const registry::CatalogEntry& entry : catalog.entries()) families.insert(entry.family);
    out << catalog.entries().size() << " entries, families: " << fmt::format("{}", fmt::join(families, ", "))
        << "\n";
  }
  return 0;
}

}  // namespace ditmill::jobs::cli

#include "jobs/cli/registry_template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/suggest.h"
#include "jobs/cli/weights_identify.h"
#include "jobs/plan/bind/runnable.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/catalog.h"
#include "registry/identity/catalog_text.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/path_pattern.h"
#include "registry/tools/file_digest.h"

namespace ditmill::jobs::cli {
namespace {

constexpr const char* writing_entry = "write a catalog entry";

/// A shard alone is not a component: an entry made from it would match nothing.
void refuse_lone_shard(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return;
  const std::string file_name = std::filesystem::path{path}.filename().native();
  const std::optional<registry::ShardName> shard = registry::parse_shard_name(file_name);
  if (!shard || shard->count < 2) return;
  throw Error{Category::usage,
              writing_entry,
              Where{.file = path},
              Expected{"all shards of a component"},
              Got{"shard " + std::to_string(shard->number) + " of " + std::to_string(shard->count)},
              "name its index, its folder, or all of them"};
}

/// Opens the weights that paths name together.
registry::ModelFolder open_together(const std::vector<std::string>& patterns,
                                    const registry::Catalog& catalog) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns)
    std::ranges::move(registry::expand_pattern(pattern), std::back_inserter(paths));
  const std::vector<registry::WeightGroup> groups = registry::group_shards(paths);
  if (groups.front().shards.empty()) refuse_lone_shard(groups.front().label);
  if (groups.size() > 1) {
    throw Error{Category::usage,
                writing_entry,
                Where{.file = groups[1].label},
                Expected{"one model, or all shards of one component"},
                Got{std::to_string(groups.size()) + " components"},
                "call the command for each: its outputs can be put together into one file"};
  }
  if (groups.front().shards.empty()) return registry::open_model_folder(groups.front().label, catalog);
  registry::ModelFolder folder;
  folder.path = groups.front().label;
  folder.components.push_back(registry::open_component(
      {.path = folder.path, .shards = groups.front().shards, .folder_role = {}, .expert_folder = {}}, catalog,
      {}, folder.warnings));
  return folder;
}

/// Takes the components for what the options say they are.
void take_as_told(registry::ModelFolder& folder, const registry::Catalog& catalog,
                  const TemplateOptions& options) {
  std::string role;
  if (!options.architecture.empty()) {
    const registry::Layout* architecture = catalog.architecture(options.architecture);
    if (architecture == nullptr) {
      std::vector<std::string> names;
      for (const registry::Layout& layout : catalog.layouts()) {
        if (names.empty() || names.back() != layout.architecture) names.push_back(layout.architecture);
      }
      const std::string nearest = configs::nearest(options.architecture, names);
      throw Error{Category::usage,
                  writing_entry,
                  Where{.key = "--class"},
                  Expected{fmt::format("an architecture of the catalog: {}", fmt::join(names, ", "))},
                  Got{printable(options.architecture)},
                  nearest.empty() ? "" : "did you mean " + nearest + "?"};
    }
    role = architecture->role;
  }
  bool taken = role.empty();
  for (registry::Component& component : folder.components) {
    const bool is_meant = !role.empty() && (component.role == role || folder.components.size() == 1);
    taken = taken || is_meant;
    if (is_meant || !options.layout.empty()) {
      registry::take_for(component, catalog,
                         {.architecture = is_meant ? options.architecture : "", .layout = options.layout});
    }
  }
  if (taken) return;
  throw Error{Category::usage, writing_entry, Where{.file = folder.path, .key = "--class"},
              Expected{"a component of the role " + role + ", which " + options.architecture + " has"},
              Got{"none"}};
}

std::vector<std::string> digests_of_files(const registry::Component& component) {
  std::vector<std::string> paths;
  for (const registry::WeightFile& file : component.files) paths.push_back(file.path);
  std::vector<std::string> digests;
  for (const registry::DigestedFile& file : registry::digest_files(paths)) digests.push_back(file.sha256);
  return digests;
}

/// Says what a job would refuse of the weights although the entries name them.
void warn_of_unusable(const TemplateOptions& options, registry::Catalog catalog, const std::string& entries,
                      std::ostream& log) {
  catalog.add_text(entries, "the entries");
  for (const registry::Component& component : open_together(options.paths, catalog).components) {
    const std::string why = plan::why_not_runnable(component, catalog);
    if (!why.empty()) log << "warning: this entry does not make the weights usable: " << why << "\n";
  }
}

}  // namespace

int registry_template(const TemplateOptions& options, std::ostream& out, std::ostream& log) {
  if (!registry::is_entry_name(options.name)) {
    throw Error{Category::usage, writing_entry, Where{.key = "--name"},
                Expected{"letters, digits and ._~-, at most 128, a letter or digit first"},
                Got{printable(options.name)}};
  }
  const registry::Catalog catalog = registry::Catalog::known(options.catalog);
  registry::ModelFolder folder = open_together(options.paths, catalog);
  if (folder.components.empty()) {
    throw Error{Category::bad_input, writing_entry, Where{.file = folder.path},
                Expected{"a model folder with components"}, Got{"none"}};
  }
  take_as_told(folder, catalog, options);
  std::vector<const registry::Component*> components;
  for (const registry::Component& component : folder.components) components.push_back(&component);
  const std::string entries = registry::catalog_text(
      components, catalog, options.name, options.digest ? digests_of_files : registry::DigestsOf{});
  warn_of_unusable(options, catalog, entries, log);
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
         {"architecture", or_null(entry.architecture)},
         {"key_hash", or_null(entry.key_hash)},
         {"key_hash_names", or_null(entry.key_hash_names)},
         {"preset", or_null(entry.preset)},
         {"hyper_parameters", entry.hyper_parameters},
         {"parameters", entry.parameters > 0 ? nlohmann::json(entry.parameters) : nlohmann::json(nullptr)},
         {"words", entry.words},
         {"sha256", entry.sha256},
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

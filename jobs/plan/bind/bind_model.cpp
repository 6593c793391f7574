#include "jobs/plan/bind/bind_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/plan/bind/weights_dump.h"
#include "registry/identity/catalog.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/model_path.h"
#include "registry/identity/packed.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::jobs::plan {
namespace {

namespace fs = std::filesystem;

/// What the official layout calls a part, if it is of the usual architecture.
std::string official_file(const registry::Slot& part) {
  const std::string& file = part.accepts.front().known_as();
  return part.role == "dit" ? file + ", with its config.json" : file;
}

/// For a path of a part of a model: the folder of the whole, as far as it is found above.
std::string whole_model_above(const std::string& path) {
  fs::path above = fs::path{path}.parent_path();
  for (int i = 0; i < 2 && !above.empty(); ++i) {
    if (registry::looks_like_model(above.native())) return above.native();
    above = above.parent_path();
  }
  return {};
}

/// Where a missing part may come from.
std::string missing_hint(const registry::ModelFolder& folder, const registry::Slot& part) {
  if (folder.path.empty()) return "name it, too: model.components." + part.name;
  const std::string above = whole_model_above(folder.path);
  if (folder.components.size() < 2 && !above.empty()) {
    return "this is a part of a model: give the folder of the whole as model.path, " + above;
  }
  if (!registry::is_folder(folder.path)) {
    return "this is one file of a model: give a folder as model.path, with transformer, text encoder, VAE "
           "and tokenizer";
  }
  std::string hint = registry::unfinished_hint(folder.path);
  if (!hint.empty()) return hint;
  if (const auto others = registry::list_weights(folder.path).others; !others.empty()) {
    hint = printable(others.front(), 60) + " is of a kind that this version does not read; ";
  }
  const bool subfolders = std::ranges::any_of(slots_of(folder).slots, [&](const registry::Slot& one) {
    return one.required && registry::is_folder(registry::inside(folder.path, one.name));
  });
  return hint + "copy the " + part.what + " of the original checkpoint into " +
         (subfolders ? registry::inside(folder.path, part.name) + ", its folder with config.json"
                     : folder.path + " (" + official_file(part) + ")");
}

void require_components(const registry::ModelFolder& folder) {
  std::string names;
  for (const registry::Component& component : folder.components) {
    extend_list(names, component.name.empty() ? "something unknown" : component.name);
  }
  for (const registry::Slot& part : slots_of(folder).slots) {
    if (!part.required || std::ranges::find(folder.components, part.name, &registry::Component::name) !=
                              folder.components.end()) {
      continue;
    }
    throw Error{Category::bad_input,
                "find the components of the model",
                Where{.file = folder.path},
                Expected{"a " + part.what + " (" + part.role + ")"},
                Got{names.empty() ? "no components" : "only " + names},
                missing_hint(folder, part)};
  }
}

void require_tokenizer(const registry::ModelFolder& folder) {
  if (!folder.tokenizer_path.empty()) return;
  if (folder.path.empty()) {
    throw Error{Category::bad_input, "find the tokenizer", Where{.key = "model.components"},
                Expected{"tokenizer: a folder with spiece.model or tokenizer.json"}, Got{"none"}};
  }
  const registry::TokenizerPlaces& places = slots_of(folder).tokenizer;
  std::vector<std::string> folders = places.official;
  folders.insert(folders.begin(), places.diffusers);
  std::string unfinished;
  for (const std::string& place : folders) {
    if (unfinished.empty()) unfinished = registry::unfinished_hint(registry::inside(folder.path, place));
  }
  const std::string& official = places.folder("official");
  const bool alike = official == places.diffusers;
  const std::string copy_diffusers =
      places.diffusers + " of a diffusers checkpoint to " + registry::inside(folder.path, places.diffusers);
  throw Error{Category::not_found,
              "find the tokenizer",
              Where{.file = folder.path},
              Expected{places.diffusers + "/" + fmt::format("{}", fmt::join(places.files, " or ")) +
                       (alike ? "" : ", or the same in " + official)},
              Got{"none of them"},
              !unfinished.empty() ? unfinished
              : alike             ? "copy the folder " + copy_diffusers
                                  : "copy the folder " + official + " of the original checkpoint to " +
                            registry::inside(folder.path, official) + ", or " + copy_diffusers};
}

/// The model's path as its user wrote it, if that was relative to the manifest.
std::string as_written(const std::string& path, const std::string& directory) {
  const std::string relative = fs::path{path}.lexically_relative(directory).native();
  return relative.empty() || relative.starts_with("..") ? path : relative;
}

}  // namespace

BoundFolder bind_folder(const registry::ModelFolder& folder) {
  require_components(folder);
  BoundFolder bound;
  bound.family = &models::family_named(folder.component("transformer").identity.family);
  for (const registry::Component& component : folder.components) {
    registry::refuse_packed(component);
    nlohmann::json& hyper_parameters = bound.hyper_parameters[component.name];
    hyper_parameters = bound.family->bind(component);
    // Files and hyper-parameters are what a digest is of, and the same files hold other weights, too.
    if (!component.given_prefix.empty()) hyper_parameters["prefix"] = component.given_prefix;
  }
  bound.family->check_together(bound.hyper_parameters);
  require_tokenizer(folder);
  return bound;
}

void bind_model(PreparedJob& job, const configs::ModelDefinition& model) {
  const registry::Catalog catalog = registry::Catalog::known(model.catalog);
  if (!model.path.empty() && !registry::is_there(model.path)) {
    registry::refuse_missing_model(model.path, as_written(model.path, job.source.directory));
  }
  job.folder = registry::open_model(model, catalog);
  for (const std::string& warning : job.folder.warnings) job.warnings.push_back({.message = warning});
  registry::require_known(job.folder, catalog,
                          [](const registry::ModelFolder& as_known) { bind_folder(as_known); });
  BoundFolder bound = bind_folder(job.folder);
  job.hyper_parameters = std::move(bound.hyper_parameters);
  job.experts = experts_of(job.folder, catalog);
  if (job.experts.size() == 1) {
    throw Error{Category::bad_input,
                "find both experts",
                Where{.file = model.path},
                Expected{"transformer and transformer_2: two experts share the steps"},
                Got{"only " + job.experts.front().variant},
                "name the other by model.components; weights that are no expert, by model.variants"};
  }
  job.family = bound.family;
}

}  // namespace ditmill::jobs::plan

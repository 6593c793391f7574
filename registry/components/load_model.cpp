#include "registry/components/load_model.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "configs/shell_word.h"
#include "registry/components/load_component.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_index.h"
#include "registry/identity/model_path.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

bool is_known_component(std::string_view name) { return !is_generic(component_type(name)); }

std::string last_name(const std::string& path) {
  const fs::path whole = fs::path{path}.lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().native();
}

/// The folders in a folder that are components by their names, or hold weights or a configuration.
std::vector<std::string> component_folders(const std::string& path) {
  std::vector<std::string> found;
  for (std::string& name : names_in(path)) {
    const std::string folder = inside(path, name);
    if (!is_folder(folder)) continue;
    if (is_known_component(name) || holds_weights(folder) || is_there(inside(folder, "config.json")))
      found.push_back(std::move(name));
  }
  return found;
}

/// Whether a folder has components' folders, and no index: weights in one that is named as such tell.
bool has_component_folders(const std::string& path) {
  return std::ranges::any_of(component_folders(path), [&](const std::string& name) {
    const ComponentType& type = component_type(name);
    return type.needs == Needs::weights && !type.role.empty() && is_folder(inside(path, name));
  });
}

/// Letters, digits, "_", "-" and ".": a folder beside the index, and a word that a shell takes as it is.
bool is_plain_name(const std::string& name) {
  const auto plain = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '-' ||
           letter == '.';
  };
  return std::ranges::all_of(name, plain) && name.find_first_not_of('.') != std::string::npos;
}

/// A component that an index declares, whose folder is not there.
LoadedComponent missing_component(const ModelIndex& index, const IndexedComponent& declared,
                                  const std::string& folder) {
  LoadedComponent one{.name = declared.name,
                      .library = declared.library,
                      .class_name = declared.class_name,
                      .path = folder,
                      .type = &component_type(declared.name)};
  const std::string unfinished = unfinished_hint(folder);
  std::string hint = "its download did not finish, or only a part was fetched: fetch the folder again";
  if (!declared.repository.empty()) {
    hint = "it is of " + printable(declared.repository) +
           ", and ditmill downloads nothing: run `hf download " + shell_word(declared.repository) +
           " --include '" + declared.name + "/*' --local-dir DIR`";
  } else if (!unfinished.empty()) {
    hint = unfinished;
  }
  one.say(Severity::error, index.file + " declares it, and there is no folder " + folder + "; " + hint);
  return one;
}

/// What the folder has that no index declares.
void note_undeclared(LoadReport& report, const ModelIndex& index) {
  for (const std::string& name : component_folders(report.path)) {
    if (index.names(name)) continue;
    const bool absent = index.find(name) != nullptr;
    report.findings.push_back(
        {Severity::warning, inside(report.path, name) + ": not used, the index " +
                                (absent ? "says that there is no " + name : "does not declare it")});
  }
}

/// What an index says of the model as a whole.
void judge_index(LoadReport& report, const ModelIndex& index) {
  const bool transformer = std::ranges::any_of(
      report.components, [](const LoadedComponent& one) { return one.type->role == "dit"; });
  if (!transformer) report.findings.push_back({Severity::warning, index.file + " declares no transformer"});
  if (index.has_boundary && !index.names("transformer_2")) {
    report.findings.push_back(
        {Severity::error, index.file + " has a boundary_ratio, which is of two transformers, and "
                                       "declares no transformer_2"});
  }
}

ComponentRequest request_of(const IndexedComponent& declared, const std::string& folder, bool two_experts,
                            bool read) {
  const bool expert = two_experts && component_type(declared.name).role == "dit";
  return {.place = {.path = folder, .name = declared.name, .expert_folder = expert ? declared.name : ""},
          .name = declared.name,
          .library = declared.library,
          .class_name = declared.class_name,
          .read = read};
}

LoadReport load_indexed(const std::string& path, const ModelIndex& index, const Catalog& catalog, bool read) {
  LoadReport report{.path = path, .layout = "diffusers", .index = index.file};
  const bool two_experts = index.names("transformer_2");
  for (const IndexedComponent& declared : index.components) {
    const std::string folder = inside(path, declared.name);
    if (declared.absent()) {
      report.absent.push_back(declared.name);
    } else if (!is_plain_name(declared.name)) {
      report.findings.push_back({Severity::error, index.file + " declares " + printable(declared.name) +
                                                      ", which is no name of a folder"});
    } else if (!is_folder(folder)) {
      report.components.push_back(missing_component(index, declared, folder));
    } else {
      report.components.push_back(load_component(request_of(declared, folder, two_experts, read), catalog));
    }
  }
  note_undeclared(report, index);
  judge_index(report, index);
  return report;
}

LoadReport load_folders(const std::string& path, const Catalog& catalog, bool read) {
  LoadReport report{.path = path, .layout = "diffusers", .index = {}};
  const std::vector<std::string> folders = component_folders(path);
  const bool two_experts = std::ranges::find(folders, "transformer_2") != folders.end();
  for (const std::string& name : folders) {
    const IndexedComponent declared{.name = name, .library = {}, .class_name = {}};
    report.components.push_back(
        load_component(request_of(declared, inside(path, name), two_experts, read), catalog));
  }
  report.findings.push_back(
      {Severity::warning, path + ": no model_index.json, so its folders are taken by their names"});
  return report;
}

/// The family of a model, as far as one of its components tells it.
const FamilySlots* family_of(const LoadReport& report, const Catalog& catalog) {
  for (const LoadedComponent& one : report.components) {
    if (const FamilySlots* family = catalog.family(one.component.identity.family)) return family;
  }
  return nullptr;
}

/// Whether a family's models need a slot, by their transformer.
bool needs_slot(const Slot& slot, const LoadReport& report) {
  if (slot.with.empty()) return slot.required;
  return std::ranges::any_of(report.components, [&](const LoadedComponent& one) {
    return one.component.role == "dit" && one.component.identity.hyper_parameters.contains(slot.with);
  });
}

/// What a whole model has beside its components is not used, as a job uses none of it: no reason to refuse.
void excuse_bystanders(LoadReport& report, const FamilySlots& family) {
  for (LoadedComponent& one : report.components) {
    if (family.slot(one.name) != nullptr) continue;
    for (Finding& each : one.findings) each.severity = std::min(each.severity, Severity::warning);
    one.unread = 0;
    one.say(Severity::warning, "not used: the model is whole without it");
  }
}

/// The slots of the family that nothing fills, and those that two components would.
void judge_slots(LoadReport& report, const ModelPlaces& places, const Catalog& catalog) {
  for (std::size_t i = 0; i < report.components.size(); ++i) {
    LoadedComponent& one = report.components[i];
    const auto same = std::ranges::find(report.components, one.name, &LoadedComponent::name);
    if (&*same != &one && !one.component.role.empty())
      one.say(Severity::error, "there is a " + one.name + " already: " + same->path);
  }
  const FamilySlots* family = family_of(report, catalog);
  if (family == nullptr) {
    report.findings.push_back(
        {Severity::error, report.path + ": no component is of a family of the catalog"});
    return;
  }
  bool whole = true;
  for (const Slot& slot : family->slots) {
    if (!needs_slot(slot, report) || report.find(slot.name) != nullptr) continue;
    whole = false;
    report.findings.push_back({Severity::error, report.path + ": no " + slot.what + ", which models of " +
                                                    family->name + " have (" +
                                                    slot.accepts.front().known_as() + ")"});
  }
  if (whole) excuse_bystanders(report, *family);
  if (!places.tokenizer_path.empty()) {
    std::string folder = fs::path{places.tokenizer_path}.parent_path().native();
    report.components.push_back(
        load_component({.place = {.path = std::move(folder)}, .name = "tokenizer"}, catalog));
  } else {
    report.findings.push_back({Severity::error, report.path + ": no tokenizer, which is in " +
                                                    family->tokenizer.folder("official")});
  }
}

LoadReport load_places(const ModelPlaces& places, const Catalog& catalog, bool read) {
  const bool official = !places.components.empty() && places.components.front().official;
  LoadReport report{.path = places.path, .layout = official ? "official" : "component", .index = {}};
  for (const std::string& warning : places.warnings) report.findings.push_back({Severity::warning, warning});
  for (const ComponentPlace& place : places.components) {
    std::string name = place.name;
    if (const std::string last = last_name(place.path); !official && is_known_component(last)) name = last;
    report.components.push_back(load_component(
        {.place = place, .name = std::move(name), .config_beside = false, .read = read}, catalog));
  }
  if (official) judge_slots(report, places, catalog);
  return report;
}

/// A folder of one component that has no weights, by its name.
bool is_small_component(const std::string& path) {
  const ComponentType& type = component_type(last_name(path));
  return is_folder(path) && (type.needs == Needs::config || type.needs == Needs::files);
}

}  // namespace

LoadReport load_model(const std::string& path, const Catalog& catalog, bool read) {
  if (!is_there(path)) refuse_missing_model(path, path);
  if (is_folder(path)) {
    const ModelIndex index = read_any_index(path, is_known_component);
    if (index.there) return load_indexed(path, index, catalog, read);
    if (has_component_folders(path)) return load_folders(path, catalog, read);
    if (is_small_component(path)) {
      return load_places({.path = path, .components = {{.path = path}}, .tokenizer_path = {}, .warnings = {}},
                         catalog, read);
    }
  }
  return load_places(find_components(path, catalog), catalog, read);
}

}  // namespace ditmill::registry

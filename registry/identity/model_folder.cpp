#include "registry/identity/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/looks_like.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/identify.h"
#include "registry/identity/name_map.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_files.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_config = std::uint64_t{16} << 20;

WeightSet read_weights(const ComponentPlace& place) {
  if (!place.shards.empty()) return read_weight_files(place.path, place.shards);
  if (is_folder(place.path)) return read_weight_folder(place.path);
  return is_shard_index(place.path) ? read_shard_index(place.path) : read_weight_file(place.path);
}

void read_config(Component& component, const ComponentPlace& place) {
  const bool folder = is_folder(place.path);
  if (place.official ? component.role != "dit" : !folder && !is_shard_index(place.path)) return;
  const std::string path =
      inside(folder ? place.path : fs::path{place.path}.parent_path().native(), "config.json");
  refuse_unfinished(path);
  if (!is_there(path)) return;
  const std::string text = read_text(path, largest_config);
  component.config_path = path;
  component.config = told_apart(text, [&] { return parse_json(text, "read config.json", path); });
  if (!component.config.is_object()) {
    throw Error{Category::bad_input, opening_model, Where{.file = path}, Expected{"an object"},
                Got{component.config.type_name()}};
  }
}

/// TeleFuser's hashes where they are not those of the tensors' names: of one `.pth`.
DictionaryHashes dictionary_hashes(const Component& component) {
  if (component.files.size() != 1 || component.files.front().dictionary_hash.empty()) return {};
  const WeightFile& file = component.files.front();
  return {
      .key_hash = file.dictionary_hash, .key_hash_names = file.dictionary_hash_names, .nested = file.nested};
}

/// Names that may tell a component from others of its hash: of its first file, and of the folders that it is
/// in, from the innermost on.
std::vector<std::string> names_of(const Component& component) {
  constexpr std::size_t most_folders = 3;
  std::vector<std::string> names;
  std::error_code error;
  fs::path path = fs::absolute(component.files.front().path, error).lexically_normal();
  for (std::size_t i = 0; i <= most_folders && path.has_filename(); ++i, path = path.parent_path())
    names.push_back(path.filename().native());
  return names;
}

bool is_whole(const ModelFolder& folder) {
  const auto has = [&folder](std::string_view role) {
    return std::ranges::find(folder.components, role, &Component::role) != folder.components.end();
  };
  return has("dit") && has("text_encoder") && has("vae");
}

/// In the official layout only the weights tell what a file is. One that nothing tells, or that cannot be
/// read, is not used, if the model is whole without it; two of a kind leave open which to use.
void settle_official(ModelFolder& folder, const std::vector<Error>& unread, bool experts) {
  std::vector<Component>& components = folder.components;
  if (!is_whole(folder) && !unread.empty()) throw Error{unread.front()};
  if (is_whole(folder)) {
    for (const Error& error : unread) {
      folder.warnings.push_back(error.where().file + ": not used, it cannot be read: " + error.what());
    }
    std::erase_if(components, [&folder](const Component& component) {
      if (!component.role.empty() && component.role != "lora") return false;
      const std::string_view kind = bystander(all_shapes(component));
      folder.warnings.push_back(kind.empty()
                                    ? component.label + ": not used, for it is nothing that the catalog knows"
                                    : unused_bystander(component.label, kind));
      return true;
    });
  }
  for (std::size_t i = 1; i < components.size(); ++i) {
    const Component& one = components[i - 1];
    const Component& other = components[i];
    if (one.role.empty() || one.role == "lora" || one.role != other.role || (experts && one.role == "dit"))
      continue;
    throw Error{Category::bad_input,
                opening_model,
                Where{.file = folder.path},
                Expected{"one " + one.role},
                Got{one.label + " and " + other.label},
                "move the one that is not to be used out of the folder"};
  }
}

/// Whether a component goes with a hyper-parameter that no transformer of the folder has; warns of it.
bool is_unused(const ComponentPlace& place, ModelFolder& folder) {
  const auto uses = [&place](const Component& component) {
    return component.role == "dit" && component.identity.hyper_parameters.contains(place.with);
  };
  if (place.with.empty() || std::ranges::any_of(folder.components, uses)) return false;
  folder.warnings.push_back(place.path + ": not used, the transformer has no " + place.with);
  return true;
}

const Layout* layout_of(const Identity& identity, const Catalog& catalog) {
  for (const CatalogEntry& entry : catalog.entries()) {
    if (entry.name == identity.variant && entry.layout == identity.layout) return catalog.layout_of(entry);
  }
  return catalog.layout_of(identity.family, identity.role, identity.layout);
}

/// Opens a component, and gives its tensors the names of the layers.
Component open_named(const ComponentPlace& place, const Catalog& catalog,
                     const std::map<std::string, std::string>& variants, std::vector<std::string>& warnings) {
  Component component = open_component(place, catalog, variants, warnings);
  if (component.role == "lora" && !place.official) refuse_lora(component, place.folder_role);
  if (!place.folder_role.empty() && component.role != place.folder_role) {
    throw Error{Category::bad_input,        opening_model,
                Where{.file = place.path},  Expected{"a " + place.folder_role},
                Got{"a " + component.role}, "the weights are in the wrong folder"};
  }
  name_layers(component, catalog);
  return component;
}

}  // namespace

void name_layers(Component& component, const Catalog& catalog) {
  const Layout* layout = layout_of(component.identity, catalog);
  if (layout != nullptr) component.named = name_tensors(component, *layout);
}

std::vector<NamedShape> all_shapes(const Component& component) {
  std::vector<NamedShape> shapes;
  for (const WeightFile& file : component.files) {
    const std::vector<NamedShape> more = named_shapes(file.tensors);
    shapes.insert(shapes.end(), more.begin(), more.end());
  }
  return shapes;
}

Component open_component(const ComponentPlace& place, const Catalog& catalog,
                         const std::map<std::string, std::string>& variants,
                         std::vector<std::string>& warnings) {
  WeightSet set = read_weights(place);
  warnings.insert(warnings.end(), set.warnings.begin(), set.warnings.end());
  Component component;
  component.label = std::move(set.label);
  component.files = std::move(set.files);

  const ShapeTable shapes{all_shapes(component)};
  VariantHints hints{.variant = {}, .expert_folder = place.expert_folder, .names = names_of(component)};
  component.identity = identify(shapes, catalog, hints, dictionary_hashes(component));
  if (const auto chosen = variants.find(component.identity.role); chosen != variants.end()) {
    hints.variant = chosen->second;
    component.identity = identify(shapes, catalog, hints, dictionary_hashes(component));
  }
  component.role = component.identity.role.empty() ? place.folder_role : component.identity.role;
  read_config(component, place);
  return component;
}

ModelFolder open_model_folder(const std::string& path, const Catalog& catalog,
                              const std::map<std::string, std::string>& variants) {
  ModelPlaces places = find_components(path, catalog);
  ModelFolder folder{.path = path,
                     .components = {},
                     .tokenizer_path = std::move(places.tokenizer_path),
                     .warnings = std::move(places.warnings)};
  const bool official = !places.components.empty() && places.components.front().official;
  std::vector<Error> unread;
  for (const ComponentPlace& place : places.components) {
    if (is_unused(place, folder)) continue;
    try {
      folder.components.push_back(open_named(place, catalog, variants, folder.warnings));
    } catch (const Error& error) {
      if (!official || exit_code(error.category()) != 1) throw;
      unread.push_back(error);
    }
  }
  std::ranges::stable_sort(folder.components, {}, &Component::role);
  if (official) settle_official(folder, unread, !places.components.front().folder_role.empty());
  if (!folder.tokenizer_path.empty()) {
    refuse_unfinished(folder.tokenizer_path);
    file_stamp(folder.tokenizer_path);
  }
  for (const auto& [role, variant] : variants) {
    if (std::ranges::find(folder.components, role, &Component::role) == folder.components.end()) {
      throw Error{Category::usage, opening_model, Where{.file = path, .key = "model.variants." + role},
                  Expected{"a role that the model has"}, Got{printable(role)}};
    }
  }
  return folder;
}

}  // namespace ditmill::registry

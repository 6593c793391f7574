#include "registry/identity/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/looks_like.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/identify.h"
#include "registry/identity/name_map.h"
#include "registry/identity/prefix.h"
#include "registry/identity/remembered_digests.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_files.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_config = std::uint64_t{16} << 20;

WeightSet read_files(const ComponentPlace& place) {
  const bool pickle = place.allow_pickle;
  if (!place.shards.empty()) return read_weight_files(place.path, place.shards, pickle);
  if (is_folder(place.path)) return read_weight_folder(place.path, pickle);
  return is_shard_index(place.path) ? read_shard_index(place.path, pickle)
                                    : read_weight_file(place.path, pickle);
}

/// The same; what cannot be read is named by its name, if that tells.
WeightSet read_weights(const ComponentPlace& place) {
  try {
    return read_files(place);
  } catch (const Error& error) {
    const std::optional<ForeignWeights> foreign =
        error.category() == Category::bad_input ? foreign_file(error.where().file) : std::nullopt;
    if (!foreign) throw;
    throw Error{error.with(
        {.got = error.got() + ": it is " + foreign->what + ", by its name", .hint = foreign->cure})};
  }
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
  return std::ranges::all_of(slots_of(folder).slots, [&folder](const Slot& slot) {
    return !slot.required ||
           std::ranges::find(folder.components, slot.role, &Component::role) != folder.components.end();
  });
}

/// In the official layout only the weights tell what a file is. One that nothing tells, or that cannot be
/// read, is not used, if the model is whole without it.
void settle_official(ModelFolder& folder, const std::vector<Error>& unread) {
  if (!is_whole(folder) && !unread.empty()) throw Error{unread.front()};
  if (!is_whole(folder)) return;
  for (const Error& error : unread) {
    folder.warnings.push_back(error.where().file + ": not used, it cannot be read: " + error.what());
  }
  std::erase_if(folder.components, [&folder](const Component& component) {
    if (!component.role.empty() && component.role != "lora") return false;
    const std::string_view kind = bystander(all_shapes(component));
    folder.warnings.push_back(kind.empty()
                                  ? component.label + ": not used, for it is nothing that the catalog knows"
                                  : unused_bystander(component.label, kind));
    return true;
  });
}

/// Two components of a name leave open which to use.
void require_different(const ModelFolder& folder) {
  for (std::size_t i = 1; i < folder.components.size(); ++i) {
    const Component& one = folder.components[i - 1];
    const Component& other = folder.components[i];
    if (one.name.empty() || one.role == "lora" || one.name != other.name) continue;
    throw Error{Category::bad_input,
                opening_model,
                Where{.file = folder.path},
                Expected{"one " + one.name},
                Got{one.label + " and " + other.label},
                "move the one that is not to be used out of the folder, or name the other as "
                "model.components." +
                    one.name};
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

/// Which one of its model a component is, where its place does not tell.
std::string name_of(const Component& component, const ComponentPlace& place, const Catalog& catalog) {
  if (component.role != "dit") return component.role;
  const bool alone = place.expert_folder == "";
  for (const CatalogEntry& entry : catalog.entries()) {
    if (alone || entry.name != component.identity.variant || entry.layout != component.identity.layout)
      continue;
    if (const std::string_view name = catalog.component_of(entry); !name.empty()) return std::string{name};
  }
  const Slot* slot = find_slot(catalog.families(), place.expert_folder.value_or(""));
  return slot == nullptr ? "transformer" : slot->name;
}

/// Takes away what another component of the same files has.
void keep_tensors(Component& component, const std::string& prefix) {
  std::size_t left = 0;
  for (WeightFile& file : component.files) {
    std::erase_if(file.tensors, [&](const TensorInfo& tensor) { return !tensor.name.starts_with(prefix); });
    left += file.tensors.size();
  }
  if (left > 0) return;
  throw Error{Category::bad_input, opening_model, Where{.file = component.label},
              Expected{"tensors whose names begin with " + printable(prefix)}, Got{"none"}};
}

/// Opens a component, and gives its tensors the names of the layers.
Component open_named(const ComponentPlace& place, const Catalog& catalog,
                     const std::map<std::string, std::string>& variants, std::vector<std::string>& warnings) {
  Component component = open_component(place, catalog, variants, warnings);
  if (component.identity.how == "unknown" && !place.official) refuse_training_state(component);
  if (component.role == "lora" && !place.official) refuse_lora(component, place.folder_role);
  if (!place.folder_role.empty() && component.role != place.folder_role) {
    throw Error{Category::bad_input,        opening_model,
                Where{.file = place.path},  Expected{"a " + place.folder_role},
                Got{"a " + component.role}, "the weights are in the wrong folder"};
  }
  name_layers(component, catalog);
  return component;
}

/// Opens the components of a folder, but for those that are named apart.
void open_places(ModelPlaces&& places, const Catalog& catalog, ModelFolder& folder) {
  const configs::ModelDefinition& source = folder.source;
  if (folder.tokenizer_path.empty()) folder.tokenizer_path = std::move(places.tokenizer_path);
  std::ranges::move(places.warnings, std::back_inserter(folder.warnings));
  const bool official = !places.components.empty() && places.components.front().official;
  std::map<std::string, std::string> variants = source.variants;
  for (const auto& [name, scattered] : source.components) variants.erase(name);
  std::vector<Error> unread;
  for (const ComponentPlace& place : places.components) {
    if (source.components.contains(place.name) || is_unused(place, folder)) continue;
    try {
      Component component = open_named(place, catalog, variants, folder.warnings);
      if (!source.components.contains(component.name)) folder.components.push_back(std::move(component));
    } catch (const Error& error) {
      if (!official || exit_code(error.category()) != 1) throw;
      unread.push_back(error);
    }
  }
  if (official) settle_official(folder, unread);
}

}  // namespace

void name_layers(Component& component, const Catalog& catalog) {
  const Layout* layout = recognised_layout(component.identity, catalog);
  if (layout != nullptr) component.named = name_tensors(component, *layout);
}

const FamilySlots& slots_of(const ModelFolder& folder) {
  const auto known = std::ranges::find_if(
      folder.components, [](const Component& component) { return !component.identity.family.empty(); });
  return built_in_slots(known == folder.components.end() ? "" : known->identity.family);
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

  component.given_prefix = place.prefix;
  if (!place.prefix.empty()) keep_tensors(component, place.prefix);
  const std::vector<NamedShape> whole = all_shapes(component);
  const ShapeTable shapes{place.prefix.empty() ? whole : behind(ShapeTable{whole}, place.prefix)};
  VariantHints hints{.variant = {}, .expert_folder = place.expert_folder, .names = names_of(component)};
  hints.remembered = [&] { return remembered_digests(component.files, warnings); };
  if (place.one_of_two) hints.component = place.name;
  const auto identify_it = [&] {
    component.identity = identify(shapes, catalog, hints, dictionary_hashes(component));
    component.identity.prefix.insert(0, place.prefix);
    component.role = component.identity.role.empty() ? place.folder_role : component.identity.role;
  };
  identify_it();
  component.name = place.name.empty() ? name_of(component, place, catalog) : place.name;
  if (const auto chosen = variants.find(component.name); chosen != variants.end()) {
    hints.variant = chosen->second;
    identify_it();
  }
  read_config(component, place);
  return component;
}

ModelFolder open_model(const configs::ModelDefinition& model, const Catalog& catalog) {
  ModelFolder folder{
      .path = model.path, .source = model, .components = {}, .tokenizer_path = {}, .warnings = {}};
  ModelPlaces scattered = find_scattered(model.components, catalog);
  for (const ComponentPlace& place : scattered.components)
    folder.components.push_back(open_named(place, catalog, model.variants, folder.warnings));
  folder.tokenizer_path = std::move(scattered.tokenizer_path);
  if (!model.path.empty())
    open_places(find_components(model.path, catalog, model.components), catalog, folder);
  std::ranges::stable_sort(folder.components, {}, [](const Component& component) {
    return std::pair{std::string_view{component.role}, std::string_view{component.name}};
  });
  require_different(folder);
  if (!folder.tokenizer_path.empty()) {
    refuse_unfinished(folder.tokenizer_path);
    file_stamp(folder.tokenizer_path);
  }
  for (const auto& [name, variant] : model.variants) {
    if (std::ranges::find(folder.components, name, &Component::name) == folder.components.end()) {
      throw Error{Category::usage, opening_model, Where{.file = model.path, .key = "model.variants." + name},
                  Expected{"a component that the model has"}, Got{printable(name)}};
    }
  }
  return folder;
}

ModelFolder open_model_folder(const std::string& path, const Catalog& catalog) {
  return open_model({.path = path}, catalog);
}

}  // namespace ditmill::registry

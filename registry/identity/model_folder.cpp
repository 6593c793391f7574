#include "registry/identity/model_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/identity/catalog_text.h"
#include "registry/identity/fingerprint.h"
#include "registry/identity/identify.h"
#include "registry/identity/name_map.h"
#include "registry/identity/weight_files.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_config = std::uint64_t{16} << 20;
constexpr const char* doing = "open a model folder";

struct Subfolder {
  std::string_view name;
  std::string_view role;
};
constexpr std::array<Subfolder, 4> subfolders{
    {{"transformer", "dit"}, {"transformer_2", "dit"}, {"text_encoder", "text_encoder"}, {"vae", "vae"}}};
// Of the official layout: Wan 2.2's two transformers.
constexpr std::array<std::string_view, 2> expert_folders{"high_noise_model", "low_noise_model"};
// Where tokenizers are: the diffusers layout's place, then the official one's.
constexpr std::array<std::string_view, 3> tokenizer_folders{"tokenizer", "google/umt5-xxl", "umt5-xxl"};
constexpr std::array<std::string_view, 2> tokenizer_files{"spiece.model", "tokenizer.json"};
// Named in model_index.json, and not weights that ditmill reads.
constexpr std::array<std::string_view, 2> without_weights{"tokenizer", "scheduler"};

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::string inside(const std::string& folder, std::string_view name) {
  return (fs::path{folder} / name).native();
}

[[noreturn]] void refuse(const std::string& file, std::string key, std::string expected, std::string got) {
  throw Error{Category::bad_input, doing, Where{.file = file, .key = std::move(key)},
              Expected{std::move(expected)}, Got{std::move(got)}};
}

/// What model_index.json says of the components.
class ModelIndex {
 public:
  explicit ModelIndex(const std::string& folder) : file_(inside(folder, "model_index.json")) {
    if (!exists(file_)) return;
    there_ = true;
    json_ = parse_json(read_text(file_, largest_config), "read model_index.json", file_);
    if (!json_.is_object()) refuse(file_, "", "an object", json_.type_name());
    for (const auto& [key, value] : json_.items()) check_entry(key, value);
  }

  bool there() const noexcept { return there_; }
  const std::string& file() const noexcept { return file_; }

  /// Whether it names a component: as [library, class], not as [null, null].
  bool names(std::string_view component) const {
    const auto found = json_.find(component);
    return found != json_.end() && found->is_array() && !(*found)[0].is_null();
  }

  bool has_boundary() const {
    const auto found = json_.find("boundary_ratio");
    return found != json_.end() && !found->is_null();
  }

  std::vector<std::string> unused() const {
    std::vector<std::string> unused;
    for (const auto& [key, value] : json_.items()) {
      const bool known = std::ranges::find(without_weights, key) != without_weights.end() ||
                         std::ranges::find(subfolders, key, &Subfolder::name) != subfolders.end();
      if (!known && value.is_array() && names(key)) unused.push_back(key);
    }
    return unused;
  }

 private:
  void check_entry(const std::string& key, const nlohmann::json& value) const {
    if (key == "boundary_ratio" && !value.is_null() && !value.is_number()) {
      refuse(file_, key, "a number or null", printable(value.dump(), 60));
    }
    const bool component = std::ranges::find(without_weights, key) != without_weights.end() ||
                           std::ranges::find(subfolders, key, &Subfolder::name) != subfolders.end();
    if (!component && !value.is_array()) return;
    const auto word = [](const nlohmann::json& item) { return item.is_string() || item.is_null(); };
    if (!value.is_array() || value.size() != 2 || !word(value[0]) || !word(value[1]) ||
        value[0].is_null() != value[1].is_null()) {
      refuse(file_, printable(key, 60), "[library, class] or [null, null]",
             printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 60));
    }
  }

  std::string file_;
  bool there_ = false;
  nlohmann::json json_ = nlohmann::json::object();
};

/// The tokenizer's file in a model folder; empty if there is none.
std::string tokenizer_in(const std::string& path) {
  for (const std::string_view folder : tokenizer_folders) {
    for (const std::string_view name : tokenizer_files) {
      std::string file = inside(inside(path, folder), name);
      std::error_code error;
      if (fs::is_regular_file(file, error)) return file;
    }
  }
  return {};
}

ModelPlaces find_in_model_folder(const std::string& path) {
  ModelPlaces places{.path = path, .components = {}, .tokenizer_path = tokenizer_in(path), .warnings = {}};
  const ModelIndex index{path};
  const bool two_experts = index.there() ? index.names("transformer_2") || index.has_boundary()
                                         : is_folder(inside(path, "transformer_2"));
  for (const auto& [name, role] : subfolders) {
    const std::string folder = inside(path, name);
    if (!is_folder(folder)) {
      if (index.names(name)) {
        refuse(index.file(), std::string{name}, "a folder of this name beside it", "none");
      }
      continue;
    }
    if (index.there() && !index.names(name)) {
      places.warnings.push_back(folder + ": not used, model_index.json does not name it");
      continue;
    }
    places.components.push_back({.path = folder,
                                 .shards = {},
                                 .folder_role = std::string{role},
                                 .expert_folder = role == "dit" && two_experts ? std::string{name} : ""});
  }
  for (const std::string& name : index.unused()) {
    places.warnings.push_back(index.file() + ": " + printable(name, 60) + " is not used");
  }
  if (places.tokenizer_path.empty() && (is_folder(inside(path, "tokenizer")) || index.names("tokenizer"))) {
    places.warnings.push_back(inside(path, "tokenizer") + ": no spiece.model and no tokenizer.json in it");
  }
  return places;
}

bool has_experts(const std::string& path) {
  return std::ranges::any_of(expert_folders,
                             [&](std::string_view name) { return is_folder(inside(path, name)); });
}

/// Whether a folder that holds weights is a whole model in the official layout, not one component.
bool is_official(const std::string& path) {
  return has_experts(path) || !tokenizer_in(path).empty() ||
         (holds_pth(path) && weight_groups(path).size() > 1);
}

ModelPlaces find_in_official_folder(const std::string& path) {
  ModelPlaces places{.path = path, .components = {}, .tokenizer_path = tokenizer_in(path), .warnings = {}};
  for (const std::string_view name : expert_folders) {
    const std::string folder = inside(path, name);
    if (!is_folder(folder)) continue;
    places.components.push_back({.path = folder,
                                 .shards = {},
                                 .folder_role = "dit",
                                 .expert_folder = std::string{name},
                                 .official = true});
  }
  const bool one_transformer = places.components.empty();
  for (WeightGroup& group : weight_groups(path)) {
    places.components.push_back(
        {.path = group.label,
         .shards = std::move(group.shards),
         .folder_role = "",
         .expert_folder = one_transformer ? std::optional<std::string>{""} : std::nullopt,
         .official = true});
  }
  return places;
}

bool has_subfolders(const std::string& path) {
  return std::ranges::any_of(subfolders,
                             [&](const Subfolder& sub) { return is_folder(inside(path, sub.name)); });
}

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
  if (!exists(path)) return;
  component.config_path = path;
  component.config = parse_json(read_text(path, largest_config), "read config.json", path);
  if (!component.config.is_object()) refuse(path, "", "an object", component.config.type_name());
}

/// TeleFuser's hashes where they are not those of the tensors' names: of one `.pth`.
DictionaryHashes dictionary_hashes(const Component& component) {
  if (component.files.size() != 1 || component.files.front().dictionary_hash.empty()) return {};
  const WeightFile& file = component.files.front();
  return {
      .key_hash = file.dictionary_hash, .key_hash_names = file.dictionary_hash_names, .nested = file.nested};
}

std::vector<NamedShape> all_shapes(const Component& component) {
  std::vector<NamedShape> shapes;
  for (const WeightFile& file : component.files) {
    const std::vector<NamedShape> more = named_shapes(file.tensors);
    shapes.insert(shapes.end(), more.begin(), more.end());
  }
  return shapes;
}

/// In the official layout only the weights tell what a file is. One that nothing tells is not used, if the
/// model is whole without it; two of a kind leave open which to use.
void settle_official(ModelFolder& folder, bool experts) {
  std::vector<Component>& components = folder.components;
  const auto has = [&components](std::string_view role) {
    return std::ranges::find(components, role, &Component::role) != components.end();
  };
  if (has("dit") && has("text_encoder") && has("vae")) {
    std::erase_if(components, [&folder](const Component& component) {
      if (!component.role.empty()) return false;
      folder.warnings.push_back(component.label + ": not used, for it is nothing that the catalog knows");
      return true;
    });
  }
  for (std::size_t i = 1; i < components.size(); ++i) {
    const Component& one = components[i - 1];
    const Component& other = components[i];
    if (one.role.empty() || one.role != other.role || (experts && one.role == "dit")) continue;
    throw Error{Category::bad_input,
                doing,
                Where{.file = folder.path},
                Expected{"one " + one.role},
                Got{one.label + " and " + other.label},
                "move the one that is not to be used out of the folder"};
  }
}

/// The message for components that the catalog does not know, with all that is needed to add them.
[[noreturn]] void refuse_unknown(const ModelFolder& folder, std::span<const Component* const> unknown,
                                 const Catalog& catalog) {
  std::string hashes;
  std::string hint;
  for (const Component* component : unknown) {
    const Identity& identity = component->identity;
    hashes += (hashes.empty() ? "" : ", ") + component->label + " with key hash " + identity.key_hash;
    for (const nlohmann::json& near : identity.nearest) {
      hint += "\n  nearest to " + component->label + " is " + describe_difference(near);
    }
    if (identity.nearest.empty())
      hint += "\n  nothing in the catalog shares a tensor with " + component->label;
  }
  std::vector<const Component*> writable;
  std::ranges::copy_if(unknown, std::back_inserter(writable),
                       [](const Component* component) { return !component->identity.family.empty(); });
  if (!writable.empty()) {
    hint += "\n  if the weights are right, put this into a file of your own and name it as model.catalog:\n" +
            catalog_text(writable, catalog, free_name(folder.path, catalog));
  }
  throw Error{Category::unknown_model,
              "recognise the weights",
              Where{.file = folder.path},
              Expected{"weights that the catalog knows"},
              Got{hashes},
              "they are not run unless an entry names them" + hint};
}

}  // namespace

ModelPlaces find_components(const std::string& path) {
  if (!is_folder(path)) {
    file_stamp(path);
    return {.path = path,
            .components = {{path, {}, "", std::nullopt, false}},
            .tokenizer_path = {},
            .warnings = {}};
  }
  if (exists(inside(path, "model_index.json")) || has_subfolders(path)) return find_in_model_folder(path);
  if (!holds_weights(path) && !has_experts(path)) {
    throw Error{
        Category::bad_input, doing, Where{.file = path},
        Expected{
            "a model folder in the diffusers layout (model_index.json, transformer, text_encoder, vae) or "
            "the official one, or a folder with weight files"},
        Got{"neither"}};
  }
  if (is_official(path)) return find_in_official_folder(path);
  return {.path = path,
          .components = {{path, {}, "", std::nullopt, false}},
          .tokenizer_path = {},
          .warnings = {}};
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
  VariantHints hints{.variant = {}, .expert_folder = place.expert_folder};
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
  ModelPlaces places = find_components(path);
  ModelFolder folder{.path = path,
                     .components = {},
                     .tokenizer_path = std::move(places.tokenizer_path),
                     .warnings = std::move(places.warnings)};
  for (const ComponentPlace& place : places.components) {
    Component component = open_component(place, catalog, variants, folder.warnings);
    if (!place.folder_role.empty() && component.role != place.folder_role) {
      throw Error{Category::bad_input,        doing,
                  Where{.file = place.path},  Expected{"a " + place.folder_role},
                  Got{"a " + component.role}, "the weights are in the wrong folder"};
    }
    const Identity& identity = component.identity;
    const Layout* layout = catalog.layout_of(identity.family, identity.role, identity.layout);
    if (layout != nullptr) {
      component.named = name_tensors(component, *layout);
    }
    folder.components.push_back(std::move(component));
  }
  std::ranges::stable_sort(folder.components, {}, &Component::role);
  if (!places.components.empty() && places.components.front().official) {
    settle_official(folder, !places.components.front().folder_role.empty());
  }
  for (const auto& [role, variant] : variants) {
    if (std::ranges::find(folder.components, role, &Component::role) == folder.components.end()) {
      throw Error{Category::usage, doing, Where{.file = path, .key = "model.variants." + role},
                  Expected{"a role that the model has"}, Got{printable(role)}};
    }
  }
  return folder;
}

void require_known(const ModelFolder& folder, const Catalog& catalog) {
  std::vector<const Component*> unknown;
  for (const Component& component : folder.components) {
    if (component.identity.how != "catalog") unknown.push_back(&component);
  }
  if (!unknown.empty()) refuse_unknown(folder, unknown, catalog);
  for (const Component& component : folder.components) {
    if (component.identity.candidates.empty()) continue;
    std::string candidates;
    for (const std::string& name : component.identity.candidates)
      candidates += (candidates.empty() ? "" : ", ") + name;
    throw Error{Category::usage,
                "recognise the weights",
                Where{.file = component.label},
                Expected{"weights of one variant"},
                Got{"key hash " + component.identity.key_hash + ", which is that of " + candidates},
                "say which: model: {variants: {" + component.role + ": " +
                    component.identity.candidates.front() + "}}"};
  }
}

}  // namespace ditmill::registry

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/identity/family_slots.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/identify.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/model_index.h"
#include "registry/identity/model_path.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_files.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

// Named in model_index.json, and not weights that ditmill reads.
constexpr std::array<std::string_view, 2> without_weights{"tokenizer", "scheduler"};

using Families = std::span<const FamilySlots>;

/// Folders of the diffusers layout that hold a component, in the order of the slots. Before weights are read
/// no family is known: of a name that several families have, all that holds in any of them is left open.
std::vector<Slot> slots_of(Families families) {
  std::vector<Slot> slots;
  for (const FamilySlots& family : families) {
    for (const Slot& slot : family.slots) {
      const auto known = std::ranges::find(slots, slot.name, &Slot::name);
      if (known == slots.end()) {
        slots.push_back(slot);
        continue;
      }
      if (known->role != slot.role) known->role.clear();
      if (known->with != slot.with) known->with.clear();
      if (known->expert_folder.empty()) known->expert_folder = slot.expert_folder;
      known->required = known->required && slot.required;
    }
  }
  return slots;
}

bool is_slot(Families families, std::string_view name) {
  return std::ranges::any_of(families, [name](const FamilySlots& family) { return family.slot(name); });
}

/// The official layout's folders of experts.
std::vector<Slot> expert_slots(Families families) {
  std::vector<Slot> slots = slots_of(families);
  std::erase_if(slots, [](const Slot& slot) { return slot.expert_folder.empty(); });
  return slots;
}

[[noreturn]] void refuse(const std::string& file, std::string key, std::string expected, std::string got,
                         std::string hint = {}) {
  throw Error{Category::bad_input,           opening_model,       Where{.file = file, .key = std::move(key)},
              Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

/// What model_index.json says of the components.
ModelIndex index_of(const std::string& folder, Families families) {
  return read_model_index(folder, [families](std::string_view name) {
    return std::ranges::find(without_weights, name) != without_weights.end() || is_slot(families, name);
  });
}

/// Those that it names and that are neither weights of a slot nor known to have none.
/// The small file that a family's models have in a folder of that name; null: none do.
const SettingsFile* settings_in(Families families, std::string_view folder) {
  for (const FamilySlots& family : families) {
    const auto found = std::ranges::find(family.settings, folder, &SettingsFile::folder);
    if (found != family.settings.end()) return &*found;
  }
  return nullptr;
}

/// How pictures are prepared is what the published settings say: what a folder says else is not followed.
void warn_of_other_pictures(const std::string& path, const ModelIndex& index, Families families,
                            std::vector<std::string>& warnings) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 20;
  for (const IndexedComponent& each : index.components) {
    const SettingsFile* settings = settings_in(families, each.name);
    if (settings == nullptr || settings->with.empty() || each.absent()) continue;
    const std::string file = inside(inside(path, each.name), settings->file);
    if (!is_there(file)) continue;
    const nlohmann::json said = nlohmann::json::parse(read_text(file, largest), nullptr, false);
    const nlohmann::json known = nlohmann::json::parse(settings->content);
    for (const auto& [field, value] : known.items()) {
      if (!said.is_object() || !said.contains(field) || said.at(field) == value) continue;
      if (field.ends_with("_type")) continue;
      std::string& warning = warnings.emplace_back(file);
      warning.append(": ").append(field).append(" is ").append(printable(said.at(field).dump(), 60));
      warning.append("; pictures are prepared with ").append(value.dump());
    }
  }
}

std::vector<std::string> unused_in(const ModelIndex& index, Families families) {
  std::vector<std::string> unused;
  for (const IndexedComponent& each : index.components) {
    const bool known = std::ranges::find(without_weights, each.name) != without_weights.end() ||
                       is_slot(families, each.name) || settings_in(families, each.name) != nullptr;
    if (!known && !each.absent()) unused.push_back(each.name);
  }
  return unused;
}

/// The tokenizer's file in a model folder; empty if there is none.
std::string tokenizer_in(const std::string& path, Families families) {
  for (const FamilySlots& family : families) {
    std::vector<std::string> folders = family.tokenizer.official;
    folders.insert(folders.begin(), family.tokenizer.diffusers);
    for (const std::string& folder : folders) {
      for (const std::string& name : family.tokenizer.files) {
        std::string file = inside(inside(path, folder), name);
        if (is_there(file) && !is_folder(file)) return file;
      }
    }
  }
  return {};
}

/// What a component on its own is, by its headers; nothing for one that cannot be read.
Identity identity_of(const WeightSet& set, const Catalog& catalog, const VariantHints& hints) {
  std::vector<NamedShape> shapes;
  for (const WeightFile& file : set.files)
    std::ranges::copy(named_shapes(file.tensors), std::back_inserter(shapes));
  return identify(ShapeTable{std::move(shapes)}, catalog, hints);
}

ModelPlaces find_in_model_folder(const std::string& path, const Catalog& catalog,
                                 const std::map<std::string, configs::ComponentSource>& replaced) {
  const Families families = catalog.families();
  ModelPlaces places{
      .path = path, .components = {}, .tokenizer_path = tokenizer_in(path, families), .warnings = {}};
  const ModelIndex index = index_of(path, families);
  const auto is_second = [&](const Slot& slot) {
    return !slot.required && !slot.expert_folder.empty() &&
           (index.there ? index.names(slot.name) : is_folder(inside(path, slot.name)));
  };
  const std::vector<Slot> slots = slots_of(families);
  const bool two_experts = std::ranges::any_of(slots, is_second) || index.has_boundary;
  for (const Slot& slot : slots) {
    const std::string folder = inside(path, slot.name);
    if (!is_folder(folder)) {
      if (replaced.contains(slot.name)) continue;
      if (!index.names(slot.name)) continue;
      if (!slot.with.empty()) {
        places.warnings.push_back(index.file + ": " + slot.name + " is not used");
        continue;
      }
      refuse(
          index.file, slot.name, "a folder of this name beside it", "none",
          "its download did not finish, or only a part was fetched: fetch the folder " + folder + " again");
    }
    if (index.there && !index.names(slot.name)) {
      places.warnings.push_back(folder + ": not used, model_index.json does not name it");
      continue;
    }
    // Which is which the weights tell: VideoX-Fun's folders are the other way round.
    const bool expert = two_experts && !slot.expert_folder.empty();
    places.components.push_back({.path = folder,
                                 .name = expert ? "" : slot.name,
                                 .shards = {},
                                 .folder_role = slot.role,
                                 .expert_folder = expert ? slot.name : "",
                                 .with = slot.with});
  }
  for (const std::string& name : unused_in(index, families)) {
    places.warnings.push_back(index.file + ": " + printable(name, 60) + " is not used");
  }
  warn_of_other_pictures(path, index, families, places.warnings);
  if (places.tokenizer_path.empty() && (is_folder(inside(path, "tokenizer")) || index.names("tokenizer"))) {
    places.warnings.push_back(inside(path, "tokenizer") + ": no spiece.model and no tokenizer.json in it");
  }
  return places;
}

bool has_experts(const std::string& path, Families families) {
  return std::ranges::any_of(expert_slots(families),
                             [&](const Slot& slot) { return is_folder(inside(path, slot.expert_folder)); });
}

/// What a file is on its own, by its header; empty for one that cannot be read.
std::string role_of(const std::string& path, const Catalog& catalog, bool allow_pickle) {
  try {
    return identity_of(read_weight_file(path, allow_pickle), catalog, {}).role;
  } catch (const Error&) {
    return {};
  }
}

std::vector<WeightGroup> groups_in(const std::string& path, const Catalog& catalog, bool allow_pickle) {
  return weight_groups(
      path, [&](const std::string& file) { return !role_of(file, catalog, allow_pickle).empty(); },
      allow_pickle);
}

/// Whether files of free names in a folder are components of several roles, as community repackagings are.
bool is_flat_model(const std::string& path, const Catalog& catalog, bool allow_pickle) {
  const WeightListing listing = list_weights(path);
  if (listing.singles.size() + listing.torch.size() < 2) return false;
  std::set<std::string> roles;
  for (const std::vector<std::string>& names : {listing.singles, listing.torch}) {
    for (const std::string& name : names) roles.insert(role_of(inside(path, name), catalog, allow_pickle));
  }
  roles.erase("");
  roles.erase("lora");
  return roles.size() > 1;
}

/// Whether a folder that holds weights is a whole model in the official layout, not one component.
bool is_official(const std::string& path, const Catalog& catalog, bool allow_pickle) {
  return has_experts(path, catalog.families()) || !tokenizer_in(path, catalog.families()).empty() ||
         (holds_pth(path) && groups_in(path, catalog, allow_pickle).size() > 1) ||
         is_flat_model(path, catalog, allow_pickle);
}

ModelPlaces find_in_official_folder(const std::string& path, const Catalog& catalog, bool allow_pickle) {
  const Families families = catalog.families();
  ModelPlaces places{
      .path = path, .components = {}, .tokenizer_path = tokenizer_in(path, families), .warnings = {}};
  for (const Slot& slot : expert_slots(families)) {
    const std::string folder = inside(path, slot.expert_folder);
    if (!is_folder(folder)) continue;
    places.components.push_back({.path = folder,
                                 .name = slot.name,
                                 .shards = {},
                                 .folder_role = slot.role,
                                 .expert_folder = slot.expert_folder,
                                 .official = true});
  }
  const bool one_transformer = places.components.empty();
  for (WeightGroup& group : groups_in(path, catalog, allow_pickle)) {
    places.components.push_back(
        {.path = group.label,
         .name = {},
         .shards = std::move(group.shards),
         .folder_role = "",
         .expert_folder = one_transformer ? std::optional<std::string>{""} : std::nullopt,
         .official = true});
  }
  return places;
}

bool has_subfolders(const std::string& path, Families families) {
  return std::ranges::any_of(slots_of(families), [&](const Slot& slot) {
    return slot.with.empty() && is_folder(inside(path, slot.name));
  });
}

/// For a folder that is no model: where one is, or what there is instead.
[[noreturn]] void refuse_folder(const std::string& path) {
  std::string hint = unfinished_hint(path);
  if (hint.empty()) {
    const std::vector<std::string> models = models_inside(path);
    for (const std::string& model : models) {
      hint += (hint.empty() ? "models are inside; name one: " : ", ") + printable(model, 400);
    }
  }
  std::string got = "neither";
  if (const std::optional<ForeignWeights> foreign = hint.empty() ? foreign_folder(path) : std::nullopt) {
    got = "only " + printable(foreign->name, 100) + ", " + foreign->what;
    hint = foreign->cure;
  }
  refuse(path, "",
         "a model folder in the diffusers layout (model_index.json, transformer, text_encoder, vae) or the "
         "official "
         "one, or a folder with weight files",
         std::move(got), std::move(hint));
}

ModelPlaces find_in(const std::string& path, const Catalog& catalog,
                    const std::map<std::string, configs::ComponentSource>& replaced, bool allow_pickle) {
  ModelPlaces alone{.path = path, .components = {{.path = path}}, .tokenizer_path = {}, .warnings = {}};
  if (!is_folder(path)) {
    refuse_unfinished(path);
    file_stamp(path);
    return alone;
  }
  if (is_there(inside(path, "model_index.json")) || has_subfolders(path, catalog.families()))
    return find_in_model_folder(path, catalog, replaced);
  if (!holds_weights(path) && !has_experts(path, catalog.families())) refuse_folder(path);
  return is_official(path, catalog, allow_pickle) ? find_in_official_folder(path, catalog, allow_pickle)
                                                  : alone;
}

}  // namespace

ModelPlaces find_components(const std::string& path, const Catalog& catalog,
                            const std::map<std::string, configs::ComponentSource>& replaced,
                            bool allow_pickle) {
  if (!is_there(path)) refuse_missing_model(path, path);
  ModelPlaces places = find_in(path, catalog, replaced, allow_pickle);
  for (ComponentPlace& place : places.components) place.allow_pickle = allow_pickle;
  return places;
}

}  // namespace ditmill::registry

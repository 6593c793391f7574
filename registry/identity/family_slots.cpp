#include "registry/identity/family_slots.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "registry/identity/layout_reader.h"
#include "registry/identity/yaml_json.h"

namespace ditmill::registry {

// What the tables hold of each; the names are those of the fields.
// NOLINTBEGIN
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SlotFile, name, dtype, shard_gb)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Accepted, architecture, in_index, diffusers, official)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Slot, name, role, what, required, with, expert_folder, accepts)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TokenizerPlaces, in_index, files, diffusers, official)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SettingsFile, folder, with, in_index, file, content)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Release, name, pipeline, components, index, settings)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FamilySlots, name, tokenizer, slots, settings, models)
// NOLINTEND

namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr int most_shard_gb = 1000;

/// Reads text that has to be there.
void read_text_of(MapReader& reader, std::string_view key, std::string& out, const char* expected) {
  if (reader.has(key)) {
    reader.read(key, out);
  } else {
    reader.problem(key, reader.path_of(key) + " is missing", expected);
  }
}

void read_class(MapReader& reader, std::vector<std::string>& out) {
  reader.read("class", out);
  if (!out.empty() && out.size() != 2)
    reader.problem("class", reader.path_of("class") + " is wrong", "[library, class]");
}

SlotFile read_slot_file(MapReader reader) {
  SlotFile file{.name = {}, .dtype = "F32"};
  read_text_of(reader, "file", file.name, "the name of a file");
  reader.read("dtype", file.dtype);
  reader.read("shard_gb", file.shard_gb, {0, most_shard_gb});
  reader.finish();
  return file;
}

/// Each item of a list, read by a reader of its own.
template <typename Read>
void each_of(MapReader& reader, std::string_view key, const Read& read) {
  const std::span<const YamlNode> nodes = reader.list(key);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    MapReader item{nodes[i], reader.path_of(key) + "." + std::to_string(i), reader.file(), reader.problems()};
    read(item);
    item.finish();
  }
}

Slot read_slot(MapReader& reader) {
  Slot slot;
  read_text_of(reader, "name", slot.name, "a component's name, as in model_index.json");
  read_role(reader, slot.role);
  read_text_of(reader, "what", slot.what, "what messages call it");
  reader.read("required", slot.required);
  reader.read("with", slot.with);
  reader.read("expert_folder", slot.expert_folder);
  each_of(reader, "accepts", [&slot](MapReader& item) {
    Accepted accepted;
    read_name(item, "architecture", accepted.architecture);
    read_class(item, accepted.in_index);
    accepted.diffusers = read_slot_file(item.map("diffusers"));
    if (item.has("official")) accepted.official = read_slot_file(item.map("official"));
    slot.accepts.push_back(std::move(accepted));
  });
  if (slot.accepts.empty())
    reader.problem("accepts", reader.path_of("accepts") + " is missing", "a list of architectures");
  return slot;
}

SettingsFile read_settings(MapReader& reader) {
  SettingsFile settings;
  read_text_of(reader, "folder", settings.folder, "the name of a folder");
  reader.read("with", settings.with);
  read_class(reader, settings.in_index);
  read_text_of(reader, "file", settings.file, "the name of a file");
  const YamlNode* content = reader.find("content");
  settings.content = content == nullptr ? "{}" : to_json(*content).dump();
  return settings;
}

Release read_release(MapReader& reader, const std::vector<Slot>& slots) {
  Release release;
  read_name(reader, "name", release.name);
  read_text_of(reader, "pipeline", release.pipeline, "diffusers' class of its pipeline");
  MapReader components = reader.map("components");
  for (const std::string& slot : components.keys()) {
    if (std::ranges::find(slots, slot, &Slot::name) == slots.end())
      components.problem_at_key(slot, "there is no such slot", "a slot of this family", printable(slot));
    components.read(slot, release.components.emplace_back(slot, "").second);
  }
  components.finish();
  const YamlNode* index = reader.find("index");
  release.index = index == nullptr ? "{}" : to_json(*index).dump();
  MapReader settings = reader.map("settings");
  for (const std::string& folder : settings.keys())
    release.settings.emplace_back(folder, to_json(*settings.find(folder)).dump());
  settings.finish();
  return release;
}

}  // namespace

const Accepted* Slot::accepted(std::string_view architecture) const noexcept {
  const auto found = std::ranges::find(accepts, architecture, &Accepted::architecture);
  return found == accepts.end() ? nullptr : &*found;
}

std::string_view Release::component(std::string_view slot) const noexcept {
  const auto found = std::ranges::find(components, slot, &std::pair<std::string, std::string>::first);
  return found == components.end() ? std::string_view{} : found->second;
}

const Slot* FamilySlots::slot(std::string_view wanted) const noexcept {
  const auto found = std::ranges::find(slots, wanted, &Slot::name);
  return found == slots.end() ? nullptr : &*found;
}

const Slot* FamilySlots::slot_for(std::string_view architecture, std::string_view folder) const noexcept {
  const Slot* first = nullptr;
  for (const Slot& slot : slots) {
    if (slot.accepted(architecture) == nullptr) continue;
    if (!folder.empty() && (slot.name == folder || slot.expert_folder == folder)) return &slot;
    if (first == nullptr) first = &slot;
  }
  return first;
}

const Slot* find_slot(std::span<const FamilySlots> families, std::string_view folder) noexcept {
  for (const FamilySlots& family : families) {
    for (const Slot& slot : family.slots) {
      if (!folder.empty() && (slot.name == folder || slot.expert_folder == folder)) return &slot;
    }
  }
  return nullptr;
}

FamilySlots read_family(const YamlNode& node, const std::string& path, const std::string& file,
                        std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  FamilySlots family;
  read_name(reader, "name", family.name);
  MapReader tokenizer = reader.map("tokenizer");
  read_class(tokenizer, family.tokenizer.in_index);
  tokenizer.read("files", family.tokenizer.files);
  tokenizer.read("diffusers", family.tokenizer.diffusers);
  tokenizer.read("official", family.tokenizer.official);
  tokenizer.finish();
  each_of(reader, "slots", [&family](MapReader& item) { family.slots.push_back(read_slot(item)); });
  each_of(reader, "settings", [&family](MapReader& item) { family.settings.push_back(read_settings(item)); });
  each_of(reader, "models",
          [&family](MapReader& item) { family.models.push_back(read_release(item, family.slots)); });
  reader.finish();
  return family;
}

std::string family_text(const FamilySlots& family) { return nlohmann::json(family).dump(); }

FamilySlots family_of_text(std::string_view text) { return nlohmann::json::parse(text).get<FamilySlots>(); }

}  // namespace ditmill::registry

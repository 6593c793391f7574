#include "registry/tools/convert_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"
#include "registry/identity/catalog_text.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view model_index_name = "model_index.json";
constexpr std::string_view config_name = "config.json";
constexpr std::uintmax_t largest_copied = std::uintmax_t{64} << 20;  // tokenizers have 17 MB

/// A config.json that has no place of its own in the official layout.
std::string config_beside(const std::string& weights) { return weights + "." + std::string{config_name}; }

/// The hyper-parameters of the shapes, and the heads, which config.json knows better than a catalog entry.
nlohmann::json known_of(const Component& component) {
  nlohmann::json known = component.identity.hyper_parameters;
  if (const std::optional<std::uint64_t> heads = configured_heads(component.config)) known["heads"] = *heads;
  return known;
}

}  // namespace

const Slot& TargetFolder::slot_of(const Component& component, const Layout& to) {
  if (family_ == nullptr) family_ = catalog_.family(component.identity.family);
  const Slot* slot = family_ == nullptr ? nullptr : family_->slot_for(to.architecture, component.name);
  if (slot != nullptr && catalog_.family(component.identity.family) == family_) return *slot;
  throw Error{Category::unsupported,          "convert a model folder",
              Where{.file = component.label}, Expected{"a component that model folders of its family have"},
              Got{to.architecture},           "convert the others one by one, in a folder without it"};
}

std::string TargetFolder::place_for(const Component& component, const ComponentPlace& place,
                                    const Layout& to) {
  const Slot& slot = slot_of(component, to);
  const bool expert = place.expert_folder && !place.expert_folder->empty();
  const std::string folder = diffusers_ ? inside(folder_, slot.name)
                             : expert   ? inside(folder_, slot.expert_folder)
                                        : folder_;
  fs::create_directories(folder);
  std::string file = inside(folder, slot.accepted(to.architecture)->file(layout_).name);
  if (component.role == family_->slots.front().role && variant_.empty()) {
    variant_ = component.identity.variant;
    hyper_parameters_ = component.identity.hyper_parameters.dump();
  }
  placed_.push_back({.slot = slot.name, .architecture = to.architecture});
  put_config(component, to, slot, file);
  return file;
}

/// Its config.json has the fields of its own layout. The one of the other layout stays beside the weights,
/// for the way back.
void TargetFolder::put_config(const Component& component, const Layout& to, const Slot& slot,
                              const std::string& file) {
  const bool own_folder = diffusers_ || &slot == &family_->slots.front() || !slot.expert_folder.empty();
  const std::string target = inside(fs::path{file}.parent_path().native(), config_name);
  const std::string kept = config_beside(component.files.front().path);
  const bool stays = component.identity.layout == layout_ && !component.config_path.empty();
  if (is_there(kept) || stays) {
    copy(stays ? component.config_path : kept, own_folder ? target : config_beside(file));
    return;
  }
  if (nlohmann::json config = component_config(to, known_of(component)); own_folder && !config.is_null()) {
    const auto eps = component.config.find("eps");
    if (config.contains("eps") && eps != component.config.end() && eps->is_number()) config["eps"] = *eps;
    placed_.back().class_name = config.value("_class_name", "");
    write_json(target, config);
    if (component.config_path.empty()) return;
    copy(component.config_path, config_beside(file));
  } else if (!component.config_path.empty()) {
    copy(component.config_path, own_folder ? target : config_beside(file));
  }
}

void TargetFolder::write_json(const std::string& path, const nlohmann::json& value) {
  write_json_file(path, value);
  copied_.push_back(path);
}

void TargetFolder::copy(const std::string& from, const std::string& to) {
  fs::create_directories(fs::path{to}.parent_path());
  fs::copy_file(from, to);
  copied_.push_back(to);
}

void TargetFolder::finish(const ModelPlaces& places, std::vector<std::string>& copied) {
  const std::string tokenizer =
      places.tokenizer_path.empty() ? "" : fs::path{places.tokenizer_path}.parent_path().native();
  const auto is_component = [&places](const fs::path& path) {
    return std::ranges::any_of(places.components,
                               [&path](const ComponentPlace& place) { return path == fs::path{place.path}; });
  };
  for (auto entry = fs::recursive_directory_iterator{places.path};
       entry != fs::recursive_directory_iterator{}; ++entry) {
    const std::string path = entry->path().native();
    const std::string name = entry->path().filename().native();
    if (entry->is_directory()) {
      if (is_leftover(name) || is_component(path)) entry.disable_recursion_pending();
      continue;
    }
    const bool top = entry.depth() == 0;
    const bool placed = name == model_index_name || name.ends_with("." + std::string{config_name}) ||
                        (top && name == config_name);
    if (placed || is_leftover(name) || is_weight_name(name) || is_shard_index(name) ||
        !entry->is_regular_file() || entry->file_size() > largest_copied)
      continue;
    const bool in_tokenizer = !tokenizer.empty() && fs::path{path}.parent_path() == tokenizer;
    const std::string& moved = family_->tokenizer.folder(diffusers_ ? "diffusers" : "official");
    copy(path, in_tokenizer ? inside(inside(folder_, moved), name)
                            : inside(folder_, fs::path{path}.lexically_relative(places.path).native()));
  }
  if (diffusers_ && is_there(inside(places.path, model_index_name))) {
    copy(inside(places.path, model_index_name), inside(folder_, model_index_name));
  } else if (diffusers_) {
    const Release* release = nearest_release(*family_, catalog_, placed_, variant_,
                                             nlohmann::json::parse(hyper_parameters_, nullptr, false));
    write_settings(*family_, placed_, release, folder_, copied_);
    write_json(inside(folder_, model_index_name), model_index(*family_, placed_, release));
  }
  copied = copied_;
}

}  // namespace ditmill::registry

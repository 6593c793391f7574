#include "registry/tools/model_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/number_text.h"
#include "registry/formats/new_file.h"
#include "registry/identity/folder_names.h"

namespace ditmill::registry {
namespace {

using nlohmann::json;

constexpr char reference = '$';

std::optional<std::uint64_t> number_of(const json& hyper_parameters, std::string_view name) {
  const auto found = hyper_parameters.find(name);
  if (found == hyper_parameters.end() || !found->is_number_integer() || *found < 0) return std::nullopt;
  return found->get<std::uint64_t>();
}

/// `dim`; `dim/heads`; `layers:some`: as many numbers below `layers` as `some` says, evenly from 0 on.
json value_of(std::string_view text, const json& hyper_parameters) {
  const std::size_t end = text.find_first_of("/:");
  const std::optional<std::uint64_t> first = number_of(hyper_parameters, text.substr(0, end));
  if (!first) return nullptr;
  if (end == std::string_view::npos) return *first;
  const std::optional<std::uint64_t> second = number_of(hyper_parameters, text.substr(end + 1));
  if (!second || *second == 0 || *second > *first) return nullptr;
  const std::uint64_t quotient = *first / *second;
  if (text[end] == '/') return quotient;
  json numbers = json::array();
  for (std::uint64_t i = 0; i < *second; ++i) numbers.push_back(i * quotient);
  return numbers;
}

json filled_in(const json& value, const json& hyper_parameters) {
  if (value.is_string() && value.get_ref<const std::string&>().starts_with(reference))
    return value_of(std::string_view{value.get_ref<const std::string&>()}.substr(1), hyper_parameters);
  return value;
}

/// `image_dim`: it is there; `z_dim=16`: it has that value.
bool holds(std::string_view condition, const json& hyper_parameters) {
  const std::size_t equals = condition.find('=');
  const std::optional<std::uint64_t> number = number_of(hyper_parameters, condition.substr(0, equals));
  return number && (equals == std::string_view::npos ||
                    number == number_from_text<std::uint64_t>(condition.substr(equals + 1)));
}

/// What tells kinds of transformers apart: which hyper-parameters they have, and their channels.
json kind_of(const json& hyper_parameters) {
  json kind = json::object();
  for (const auto& [key, value] : hyper_parameters.items()) {
    if (key == "heads") continue;
    kind[key] = key == "in_channels" || key == "out_channels" ? value : json();
  }
  return kind;
}

bool has_slot(const std::vector<PlacedComponent>& placed, std::string_view slot) {
  return std::ranges::find(placed, slot, &PlacedComponent::slot) != placed.end();
}

/// Whether a release has the same transformers, as slots.
bool same_experts(const Release& release, const FamilySlots& family,
                  const std::vector<PlacedComponent>& placed) {
  return std::ranges::all_of(family.slots, [&](const Slot& slot) {
    return slot.expert_folder.empty() || release.component(slot.name).empty() != has_slot(placed, slot.name);
  });
}

}  // namespace

json component_config(const Layout& layout, const json& hyper_parameters) {
  if (layout.config.empty()) return nullptr;
  json config = json::object();
  const json stated = json::parse(layout.config);
  const auto add = [&](const json& fields) {
    for (const auto& [key, value] : fields.items()) {
      if (key != "when") config[key] = filled_in(value, hyper_parameters);
    }
  };
  add(stated);
  for (const json& each : stated.value("when", json::array())) {
    for (const auto& [condition, fields] : each.items()) {
      if (holds(condition, hyper_parameters)) add(fields);
    }
  }
  return config;
}

const Release* nearest_release(const FamilySlots& family, const Catalog& catalog,
                               const std::vector<PlacedComponent>& placed, std::string_view variant,
                               const json& hyper_parameters) {
  const Release* nearest = nullptr;
  for (const Release& release : family.models) {
    if (!same_experts(release, family, placed)) continue;
    for (const auto& [slot, entry_name] : release.components) {
      if (!variant.empty() && entry_name == variant) return &release;
      const CatalogEntry* entry = catalog.named(entry_name);
      if (nearest == nullptr && entry != nullptr && entry->role == family.slots.front().role &&
          kind_of(entry->hyper_parameters) == kind_of(hyper_parameters))
        nearest = &release;
    }
  }
  return nearest;
}

json model_index(const FamilySlots& family, const std::vector<PlacedComponent>& placed,
                 const Release* release) {
  json index{{"_class_name", release != nullptr ? release->pipeline : family.models.front().pipeline}};
  for (const PlacedComponent& each : placed) {
    const Slot* slot = family.slot(each.slot);
    const Accepted* accepted = slot == nullptr ? nullptr : slot->accepted(each.architecture);
    if (accepted == nullptr || accepted->in_index.empty()) continue;
    index[each.slot] = {accepted->in_index[0],
                        each.class_name.empty() ? accepted->in_index[1] : each.class_name};
  }
  index[family.tokenizer.diffusers] = family.tokenizer.in_index;
  for (const SettingsFile& settings : family.settings) {
    if (settings.with.empty() || has_slot(placed, settings.with)) index[settings.folder] = settings.in_index;
  }
  if (release != nullptr) index.update(json::parse(release->index));
  return index;
}

void write_settings(const FamilySlots& family, const std::vector<PlacedComponent>& placed,
                    const Release* release, const std::string& folder, std::vector<std::string>& written) {
  for (const SettingsFile& settings : family.settings) {
    const std::string own = inside(folder, settings.folder);
    if ((!settings.with.empty() && !has_slot(placed, settings.with)) || is_folder(own)) continue;
    json content = json::parse(settings.content);
    if (release != nullptr) {
      for (const auto& [other, fields] : release->settings) {
        if (other == settings.folder) content.update(json::parse(fields));
      }
    }
    std::filesystem::create_directories(own);
    write_json_file(written.emplace_back(inside(own, settings.file)), content);
  }
}

void write_json_file(const std::string& path, const json& value) {
  NewFile file{path};
  file.write(value.dump(2) + "\n");
  file.publish();
}

}  // namespace ditmill::registry

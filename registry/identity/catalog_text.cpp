#include "registry/identity/catalog_text.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"
#include "configs/lower_case.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/prefix.h"

namespace ditmill::registry {
namespace {

/// The preset to start from: the component's own, else that of the nearest known weights of its role; of one
/// of several experts, of an expert. `expert_folder`: which of them it is; empty: there is one transformer.
std::string preset_for(const Identity& identity, const Catalog& catalog, const std::string& expert_folder) {
  if (!identity.preset.empty()) return identity.preset;
  const auto fits = [&](const CatalogEntry& entry) {
    const bool of_experts =
        std::ranges::find(entry.expert_folders, expert_folder) != entry.expert_folders.end();
    return entry.family == identity.family && entry.role == identity.role && !entry.preset.empty() &&
           of_experts == !expert_folder.empty();
  };
  for (const nlohmann::json& near : identity.nearest) {
    const CatalogEntry* entry = catalog.named(near.at("name").get<std::string>());
    if (entry != nullptr && fits(*entry)) return entry->preset;
  }
  const auto any = std::ranges::find_if(catalog.entries(), fits);
  return any == catalog.entries().end() ? "" : any->preset;
}

std::string flow_map(const nlohmann::json& values) {
  std::string text = "{";
  for (auto value = values.begin(); value != values.end(); ++value) {
    text += (text.size() > 1 ? ", " : "") + value.key() + ": " + value->dump();
  }
  return text + "}";
}

std::string entry_text(const Component& component, const Catalog& catalog, const std::string& name,
                       const std::string& expert_folder) {
  const Identity& identity = component.identity;
  nlohmann::json hyper_parameters = identity.hyper_parameters;
  if (const std::optional<std::uint64_t> heads = configured_heads(component.config)) {
    if (!hyper_parameters.contains("heads")) hyper_parameters["heads"] = *heads;
  }
  // Whatever prefix the names have: an entry is of the names behind it. What their hash without shapes is, is
  // not known then.
  const bool bare = identity.key_hash_bare.empty();
  // Quoted: a hash or a name of digits only is a number to some readers of YAML.
  std::string text = "- name: \"" + name + "\"\n  family: " + identity.family + "\n  role: " + identity.role +
                     "\n  layout: " + identity.layout +
                     (identity.architecture.empty() ? "" : "\n  architecture: " + identity.architecture) +
                     "\n  key_hash: \"" + (bare ? identity.key_hash : identity.key_hash_bare) +
                     "\"\n  key_hash_names: " + (bare ? "\"" + identity.key_hash_names + "\"" : "null") +
                     "\n";
  if (const std::string preset = preset_for(identity, catalog, expert_folder); !preset.empty())
    text += "  preset: " + preset + "\n";
  if (!expert_folder.empty()) text += "  expert_folder: \"" + expert_folder + "\"\n";
  if (!hyper_parameters.empty()) text += "  hyper_parameters: " + flow_map(hyper_parameters) + "\n";
  return text;
}

std::string name_of(const Component& component, std::string_view name, std::size_t dits_before) {
  std::string text{name};
  if (component.role != "dit") return text + "-" + component.role;
  return dits_before == 0 ? text : text + "-" + std::to_string(dits_before + 1);
}

std::string said_names(std::string_view architecture, std::string_view layout) {
  if (architecture.empty() && layout.empty()) return "unknown names";
  return "the names of " + (architecture.empty() ? "a known architecture" : std::string{architecture}) +
         (layout.empty() ? "" : " in the layout " + std::string{layout});
}

}  // namespace

void take_for(Component& component, const Catalog& catalog, const TakenFor& wanted) {
  Identity& identity = component.identity;
  const std::string& architecture = wanted.architecture.empty() ? identity.architecture : wanted.architecture;
  const ShapeTable shapes{behind(ShapeTable{all_shapes(component)}, identity.prefix)};
  const auto fits = [&](const Layout& layout, const std::string& name) {
    return layout.architecture == architecture && (name.empty() || layout.layout == name) &&
           matches(layout, shapes);
  };
  const auto find = [&](const std::string& name) {
    return std::ranges::find_if(catalog.layouts(), [&](const Layout& layout) { return fits(layout, name); });
  };
  auto found = find(wanted.layout.empty() ? identity.layout : wanted.layout);
  if (found == catalog.layouts().end() && wanted.layout.empty()) found = find({});
  if (found == catalog.layouts().end()) {
    throw Error{
        Category::usage,
        "write a catalog entry",
        Where{.file = component.label},
        Expected{said_names(wanted.architecture, wanted.layout)},
        Got{said_names(identity.architecture, identity.layout)},
        "`ditmill weights identify` says what the weights are; `ditmill weights convert` gives them another "
        "layout"};
  }
  if (identity.architecture != found->architecture) {
    identity.hyper_parameters = solve(*found, shapes);
    identity.preset.clear();
  }
  identity.family = found->family;
  identity.role = found->role;
  identity.layout = found->layout;
  identity.architecture = found->architecture;
  component.role = found->role;
}

std::optional<std::uint64_t> configured_heads(const nlohmann::json& config) {
  for (const char* key : {"num_heads", "num_attention_heads"}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_number_integer() && *found > 0) return found->get<std::uint64_t>();
  }
  return std::nullopt;
}

std::string catalog_text(std::span<const Component* const> components, const Catalog& catalog,
                         std::string_view name, const DigestsOf& digests) {
  std::string text;
  std::size_t dits = 0;
  const bool several =
      std::ranges::count_if(components, [](const Component* each) { return each->role == "dit"; }) > 1;
  for (const Component* component : components) {
    if (component->identity.family.empty()) {
      throw Error{Category::unknown_model,
                  "write a catalog entry",
                  Where{.file = component->label},
                  Expected{"weights of a layout that the catalog knows"},
                  Got{"key hash " + component->identity.key_hash + ", unknown names"},
                  "what such weights are has to be written by hand: see registry/README.md"};
    }
    std::string entry_name = name_of(*component, name, dits);
    std::ranges::replace(entry_name, '_', '-');
    const bool expert = several && component->role == "dit";
    text += entry_text(*component, catalog, entry_name,
                       expert ? std::filesystem::path{component->label}.filename().string() : std::string{});
    const std::vector<std::string> sha256 = digests ? digests(*component) : std::vector<std::string>{};
    for (const std::string& digest : sha256)
      text += (&digest == &sha256.front() ? "  sha256: [\"" : ",\n           \"") + digest + "\"";
    if (!sha256.empty()) text += "]\n";
    dits += component->role == "dit" ? 1 : 0;
  }
  return text;
}

std::string free_name(std::string_view path, const Catalog& catalog) {
  std::filesystem::path last{path};
  if (!last.has_filename()) last = last.parent_path();
  std::string name;
  std::string trial = "x?";
  const std::string file_name = last.filename().native();
  for (const char c : file_name) {
    trial[1] = c;
    name += is_entry_name(trial) ? c : '-';
  }
  name = lower_case("my-" + name.substr(0, 60));
  std::string unused = name;
  const auto taken = [&catalog](const std::string& start) {
    return std::ranges::any_of(catalog.entries(),
                               [&](const CatalogEntry& entry) { return entry.name.starts_with(start); });
  };
  for (int i = 2; taken(unused); ++i) unused = name + "-" + std::to_string(i);
  return unused;
}

}  // namespace ditmill::registry

#include "registry/tools/synth_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"
#include "configs/suggest.h"
#include "registry/key_hash.h"

namespace ditmill::registry {
namespace {

using nlohmann::json;

constexpr const char* making = "make weights";
constexpr std::string_view official = "official";
constexpr std::string_view default_dtype = "BF16";

const CatalogEntry* entry_in(const Catalog& catalog, std::string_view name, std::string_view layout) {
  const auto found = std::ranges::find_if(catalog.entries(), [&](const CatalogEntry& entry) {
    return entry.name == name && entry.layout == layout;
  });
  return found == catalog.entries().end() ? nullptr : &*found;
}

/// The layout of that name of an entry's architecture, or null.
const Layout* layout_named(const Catalog& catalog, const CatalogEntry& entry, std::string_view layout) {
  const Layout* own = catalog.layout_of(entry);
  if (own == nullptr || entry.layout == layout) return own;
  const auto found = std::ranges::find_if(catalog.layouts(), [&](const Layout& other) {
    return !own->architecture.empty() && other.architecture == own->architecture && other.layout == layout;
  });
  return found == catalog.layouts().end() ? nullptr : &*found;
}

/// The release of that name, else the first with an entry of that name; its family with it.
std::pair<const FamilySlots*, const Release*> release_like(const Catalog& catalog, std::string_view like) {
  for (const bool by_name : {true, false}) {
    for (const FamilySlots& family : catalog.families()) {
      for (const Release& release : family.models) {
        const bool has = std::ranges::any_of(release.components,
                                             [&](const auto& component) { return component.second == like; });
        if (by_name ? release.name == like : has) return {&family, &release};
      }
    }
  }
  return {};
}

[[noreturn]] void refuse_name(const Catalog& catalog, const std::string& like) {
  std::set<std::string> names;
  for (const FamilySlots& family : catalog.families()) {
    for (const Release& release : family.models) names.insert(release.name);
  }
  for (const CatalogEntry& entry : catalog.entries()) names.insert(entry.name);
  const std::vector<std::string> all(names.begin(), names.end());
  const std::string near = configs::nearest(like, all);
  throw Error{Category::usage,
              making,
              Where{.key = "--like"},
              Expected{"a release or an entry of the catalog"},
              Got{printable(like)},
              near.empty() ? "`ditmill registry list` names them" : "the nearest name is " + near};
}

std::vector<NamedShape> shapes_of(const std::vector<NewTensor>& tensors) {
  std::vector<NamedShape> shapes;
  for (const NewTensor& tensor : tensors) shapes.push_back({tensor.name, tensor.shape});
  return shapes;
}

/// Which of a layout's optional tensors weights of this entry have: those that give its hash; else all.
std::set<std::string> left_out(const CatalogEntry& entry, const std::vector<ExpectedTensor>& expected) {
  std::vector<std::string> optional;
  for (const ExpectedTensor& tensor : expected) {
    if (tensor.optional) optional.push_back(tensor.name);
  }
  constexpr std::size_t most_optional = 10;
  if (optional.size() > most_optional) return {};
  for (std::size_t without = 0; without < std::size_t{1} << optional.size(); ++without) {
    std::set<std::string> out;
    for (std::size_t i = 0; i < optional.size(); ++i) {
      if ((without >> i & 1) != 0) out.insert(optional[i]);
    }
    std::vector<NamedShape> shapes;
    for (const ExpectedTensor& tensor : expected) {
      if (!out.contains(tensor.name)) shapes.push_back({tensor.name, tensor.shape});
    }
    if (entry.key_hash.empty() ? key_hash_names(shapes) == entry.key_hash_names
                               : key_hash(shapes) == entry.key_hash)
      return out;
  }
  return {};
}

/// Eight-bit weights have a tensor of scales beside them.
bool is_quantized(const std::string& name, const std::vector<ExpectedTensor>& expected) {
  return std::ranges::binary_search(expected, name + "_scale", {}, &ExpectedTensor::name);
}

[[noreturn]] void refuse_unknown(const CatalogEntry& entry, std::string expected, std::string got,
                                 std::string hint) {
  throw Error{Category::unsupported, making,         Where{.key = entry.name}, Expected{std::move(expected)},
              Got{std::move(got)},   std::move(hint)};
}

json hyper_parameters_of(const CatalogEntry& entry, const Layout& layout, bool tiny, const Catalog& catalog) {
  json values = entry.hyper_parameters;
  if (!tiny) return values;
  const Layout* architecture = catalog.architecture(layout.architecture);
  if (architecture == nullptr || architecture->tiny.empty()) {
    refuse_unknown(entry, "an architecture of which the catalog has a small model",
                   layout.architecture.empty() ? layout.family : layout.architecture,
                   "make it with --scale full --sparse, or add `tiny` to its architecture in a catalog");
  }
  const json small = json::parse(architecture->tiny);
  for (const auto& [key, value] : small.items()) {
    if (values.contains(key)) values[key] = value;
  }
  return values;
}

SynthComponent plan_component(const CatalogEntry& entry, const Slot* slot, const SynthPlan& plan,
                              const Catalog& catalog) {
  SynthComponent component;
  component.entry = &entry;
  component.layout = layout_named(catalog, entry, plan.layout);
  component.slot = slot;
  if (component.layout == nullptr) {
    refuse_unknown(entry, "weights whose tensors the catalog states", "known by their hash only",
                   "nobody can make them without a file of them");
  }
  const json values = hyper_parameters_of(entry, *component.layout, plan.tiny, catalog);
  component.hyper_parameters = values.dump();
  component.file = slot == nullptr
                       ? SlotFile{.name = "model.safetensors", .dtype = std::string{default_dtype}}
                       : slot->accepted(component.layout->architecture)->file(plan.layout);
  const std::string dtype = plan.tiny ? "F32" : component.file.dtype;
  const ElementType type = element_type_named(dtype).value_or(ElementType::f32);
  const auto all = expand(*component.layout, entry.hyper_parameters);
  const auto expected = expand(*component.layout, values);
  if (!all || !expected) {
    refuse_unknown(entry, "hyper-parameters that give all its tensors", entry.hyper_parameters.dump(),
                   "its entry is incomplete");
  }
  const std::set<std::string> out = left_out(entry, *all);
  for (const ExpectedTensor& tensor : *expected) {
    if (out.contains(tensor.name)) continue;
    const bool small = is_quantized(tensor.name, *expected);
    component.tensors.push_back({tensor.name, small ? ElementType::f8_e4m3 : type, tensor.shape});
  }
  return component;
}

/// Where it is in the model's folder.
void place(SynthComponent& component, const Release& release, const FamilySlots& family) {
  if (component.layout->layout != official) {
    component.folder = component.slot->name;
    return;
  }
  const auto experts = std::ranges::count_if(family.slots, [&](const Slot& slot) {
    return !slot.expert_folder.empty() && !release.component(slot.name).empty();
  });
  if (experts > 1) component.folder = component.slot->expert_folder;
}

/// The entry of a release's component: in the layout; else, but for transformers, in another of its
/// architecture's, if that has this one, too.
const CatalogEntry* component_entry(const Catalog& catalog, const Slot& slot, std::string_view name,
                                    std::string_view layout) {
  if (const CatalogEntry* entry = entry_in(catalog, name, layout); entry != nullptr) return entry;
  const CatalogEntry* other = catalog.named(name);
  const bool has_it =
      other != nullptr && slot.expert_folder.empty() && layout_named(catalog, *other, layout) != nullptr;
  return has_it ? other : nullptr;
}

bool known_in(const Catalog& catalog, const FamilySlots& family, const Release& release,
              std::string_view layout) {
  return std::ranges::all_of(release.components, [&](const auto& component) {
    const Slot* slot = family.slot(component.first);
    return slot != nullptr && component_entry(catalog, *slot, component.second, layout) != nullptr;
  });
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) extend_list(text, quoted(word));
  return "[" + text + "]";
}

}  // namespace

SynthPlan plan_synth(const std::string& like, const std::string& layout, bool tiny, const Catalog& catalog) {
  SynthPlan plan;
  plan.tiny = tiny;
  std::tie(plan.family, plan.release) = release_like(catalog, like);
  const auto known = [&](std::string_view in) {
    return plan.release != nullptr ? known_in(catalog, *plan.family, *plan.release, in)
                                   : entry_in(catalog, like, in) != nullptr;
  };
  plan.layout = !layout.empty() ? layout : known("diffusers") ? "diffusers" : std::string{official};
  if (!known(plan.layout)) {
    if (plan.release == nullptr && catalog.named(like) == nullptr) refuse_name(catalog, like);
    throw Error{Category::usage,          making,
                Where{.key = "--layout"}, Expected{"a layout that " + like + " is known in"},
                Got{plan.layout},         "name the other one"};
  }
  if (plan.release == nullptr) {
    const CatalogEntry& entry = *entry_in(catalog, like, plan.layout);
    plan.family = catalog.family(entry.family);
    const Layout* architecture = catalog.layout_of(entry);
    const Slot* slot = plan.family == nullptr || architecture == nullptr
                           ? nullptr
                           : plan.family->slot_for(architecture->architecture);
    plan.components.push_back(plan_component(entry, slot, plan, catalog));
    if (slot != nullptr && plan.layout != official) plan.components.back().folder = slot->name;
    return plan;
  }
  for (const auto& [slot_name, entry_name] : plan.release->components) {
    const Slot* slot = plan.family->slot(slot_name);
    const CatalogEntry& entry = *component_entry(catalog, *slot, entry_name, plan.layout);
    plan.components.push_back(plan_component(entry, slot, plan, catalog));
    place(plan.components.back(), *plan.release, *plan.family);
  }
  return plan;
}

bool SynthPlan::unknown() const {
  return tiny || std::ranges::any_of(components, [this](const SynthComponent& component) {
           return component.entry->layout != layout;
         });
}

std::string synth_catalog(const SynthPlan& plan) {
  std::string text = "# Entries of the weights beside this file: use it as model.catalog.\n";
  for (const SynthComponent& component : plan.components) {
    const CatalogEntry& entry = *component.entry;
    const std::vector<NamedShape> shapes = shapes_of(component.tensors);
    std::string values;
    const json hyper_parameters = json::parse(component.hyper_parameters);
    for (const auto& [key, value] : hyper_parameters.items()) extend_list(values, key + ": " + value.dump());
    text +=
        "- name: \"" + std::string{plan.tiny ? "tiny-" : "like-"} + entry.name +
        "\"\n  family: " + entry.family + "\n  role: " + entry.role + "\n  layout: " + plan.layout +
        "\n  architecture: " + component.layout->architecture + "\n  key_hash: " + quoted(key_hash(shapes)) +
        "\n  key_hash_names: " + quoted(key_hash_names(shapes)) + "\n  hyper_parameters: {" + values + "}\n";
    if (!entry.preset.empty()) text += "  preset: " + entry.preset + "\n";
    if (!entry.expert_folders.empty())
      text +=
          "  expert_folder: " + list_of(entry.expert_folders) + "\n  words: " + list_of(entry.words) + "\n";
  }
  return text;
}

}  // namespace ditmill::registry

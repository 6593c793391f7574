#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/model_path.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view tokenizer_name = "tokenizer";

[[noreturn]] void refuse_source(const std::string& name, const std::string& path, std::string expected,
                                std::string got, std::string hint = {}) {
  throw Error{Category::bad_input,
              "find the component " + name,
              Where{.file = path, .key = "model.components." + name},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

/// Of a whole model the component of that name; else the one that there is.
ComponentPlace one_of(const std::string& name, ModelPlaces&& places, const Catalog& catalog) {
  if (places.components.size() == 1) return std::move(places.components.front());
  std::string found;
  for (ComponentPlace& place : places.components) {
    std::vector<std::string> warnings;
    // In the official layout only the weights tell.
    if ((place.name.empty() ? open_component(place, catalog, {}, warnings).name : place.name) == name)
      return std::move(place);
    found += (found.empty() ? "" : ", ") + place.path;
  }
  refuse_source(name, places.path, "one component, or a model folder that has this one", found,
                "name its own file or folder");
}

ComponentPlace place_of(const std::string& name,
                        const std::map<std::string, configs::ComponentSource>& components,
                        const Catalog& catalog) {
  const configs::ComponentSource& source = components.at(name);
  if (!is_there(source.path)) refuse_missing_model(source.path, source.path);
  ComponentPlace place;
  if (source.files.empty()) {
    place = one_of(name, find_components(source.path, catalog, {}, source.allow_pickle), catalog);
  } else {
    place.path = source.path;
    for (const std::string& file : source.files) {
      std::string path = inside(source.path, file);
      if (!is_there(path)) refuse_source(name, path, "a file", "none");
      place.shards.push_back(std::move(path));
    }
  }
  place.name = name;
  const Slot* slot = find_slot(catalog.families(), name);
  place.folder_role = slot == nullptr ? name : slot->role;
  place.prefix = source.prefix;
  place.with.clear();
  place.allow_pickle = source.allow_pickle;
  // Of two transformers each has its own place; what one alone is, its weights and names tell.
  if (place.expert_folder && place.expert_folder->empty()) place.expert_folder.reset();
  place.one_of_two = name.starts_with("transformer") && components.contains("transformer_2");
  return place;
}

std::string tokenizer_at(const std::string& path, const Catalog& catalog) {
  if (!is_there(path)) {
    throw Error{Category::not_found, "find the tokenizer",
                Where{.file = path, .key = "model.components.tokenizer"},
                Expected{"spiece.model or tokenizer.json, or the folder of one"}, Got{"nothing"}};
  }
  if (!is_folder(path)) return path;
  for (const FamilySlots& family : catalog.families()) {
    for (const std::string& file : family.tokenizer.files) {
      if (is_there(inside(path, file))) return inside(path, file);
    }
  }
  refuse_source(std::string{tokenizer_name}, path, "spiece.model or tokenizer.json in it", "neither");
}

}  // namespace

ModelPlaces find_scattered(const std::map<std::string, configs::ComponentSource>& components,
                           const Catalog& catalog) {
  ModelPlaces places;
  for (const auto& [name, source] : components) {
    if (name == tokenizer_name) {
      places.tokenizer_path = tokenizer_at(source.path, catalog);
    } else {
      places.components.push_back(place_of(name, components, catalog));
    }
  }
  return places;
}

}  // namespace ditmill::registry

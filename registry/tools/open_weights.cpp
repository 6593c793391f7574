#include "registry/tools/open_weights.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "configs/error.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/path_pattern.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

/// Of what a pattern matches the weights and folders, if there are any.
std::vector<std::string> matches_of(const std::string& pattern) {
  const std::vector<std::string> all = expand_pattern(pattern);
  if (all.size() == 1 && !is_there(all.front())) {
    throw Error{Category::not_found, "find weight files", Where{.file = pattern},
                Expected{"files that the pattern matches"}, Got{"none"}};
  }
  std::vector<std::string> weights;
  std::ranges::copy_if(all, std::back_inserter(weights),
                       [](const std::string& path) { return is_weight_name(path) || is_folder(path); });
  return weights.empty() ? all : weights;
}

/// Shards in the order of their numbers; what is no shard comes by its name.
void order_files(std::vector<std::string>& paths) {
  std::ranges::stable_sort(paths, {}, [](const std::string& path) {
    const std::optional<ShardName> shard = parse_shard_name(fs::path{path}.filename().native());
    return shard ? std::tuple{shard->stem, shard->count, shard->number} : std::tuple{path, 0UL, 0UL};
  });
}

std::string last_part(const std::string& path) {
  const fs::path folder = fs::path{path}.lexically_normal();
  return (folder.has_filename() ? folder : folder.parent_path()).filename().native();
}

std::string component_name(const ComponentPlace& place, const Component& component) {
  if (!place.name.empty()) return place.name;
  if (!place.official) return last_part(place.path);
  if (component.role == "dit") return "transformer";
  return component.role.empty() ? last_part(place.path) : component.role;
}

void open_places(const ModelPlaces& places, const Catalog& catalog, OpenedWeights& opened) {
  opened.warnings.insert(opened.warnings.end(), places.warnings.begin(), places.warnings.end());
  for (const ComponentPlace& place : places.components) {
    Component component = open_component(place, catalog, {}, opened.warnings);
    std::string name = places.components.size() > 1 ? component_name(place, component) : "";
    opened.components.push_back({std::move(name), std::move(component)});
  }
}

/// Whether a path is of one file, and not of an index, which stands for several.
bool is_lone_file(const std::string& path) {
  return is_there(path) && !is_folder(path) && !is_shard_index(path);
}

/// Files that are one component together.
ModelPlaces places_of_files(std::vector<std::string> files, const Catalog& catalog) {
  if (files.size() == 1) return find_components(files.front(), catalog);
  order_files(files);
  ModelPlaces places;
  places.path = files.front();
  places.components.push_back(
      {.path = places.path, .shards = std::move(files), .folder_role = {}, .expert_folder = {}});
  return places;
}

}  // namespace

std::vector<std::string> expand_patterns(std::span<const std::string> paths) {
  std::vector<std::string> expanded;
  for (const std::string& path : paths) {
    if (is_there(path) || path.find_first_of("*?[") == std::string::npos) {
      expanded.push_back(path);
      continue;
    }
    const std::vector<std::string> matches = matches_of(path);
    expanded.insert(expanded.end(), matches.begin(), matches.end());
  }
  return expanded;
}

OpenedWeights open_weights(std::span<const std::string> paths, const Catalog& catalog) {
  OpenedWeights opened;
  std::vector<std::string> files;
  for (const std::string& path : expand_patterns(paths)) {
    if (is_lone_file(path)) {
      files.push_back(path);
    } else {
      open_places(find_components(path, catalog), catalog, opened);
    }
  }
  if (!files.empty()) open_places(places_of_files(std::move(files), catalog), catalog, opened);
  return opened;
}

std::vector<std::string> files_of(std::span<const std::string> paths, const Catalog& catalog) {
  std::vector<std::string> files;
  const auto add = [&files](const std::string& path) {
    if (std::ranges::find(files, path) == files.end()) files.push_back(path);
  };
  for (const std::string& path : expand_patterns(paths)) {
    if (is_lone_file(path)) {
      add(path);
      continue;
    }
    const ModelPlaces places = find_components(path, catalog);
    OpenedWeights opened;
    open_places(places, catalog, opened);
    for (const NamedComponent& one : opened.components) {
      for (const WeightFile& file : one.component.files) add(file.path);
    }
    if (!places.tokenizer_path.empty()) add(places.tokenizer_path);
  }
  return files;
}

}  // namespace ditmill::registry

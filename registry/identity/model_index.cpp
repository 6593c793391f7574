#include "registry/identity/model_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/looks_like.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/unfinished_download.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_index = std::uint64_t{16} << 20;

[[noreturn]] void refuse_index(const std::string& file, std::string key, std::string expected,
                               std::string got) {
  throw Error{Category::bad_input, opening_model, Where{.file = file, .key = std::move(key)},
              Expected{std::move(expected)}, Got{std::move(got)}};
}

[[noreturn]] void refuse_entry(const std::string& file, const std::string& key, const nlohmann::json& value) {
  refuse_index(file, printable(key, 60), "[library, class] or [null, null]",
               printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 60));
}

std::string word_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string{};
}

/// Whether two of a list are words, or both null.
bool is_pair(const nlohmann::json& list) {
  const auto word = [](const nlohmann::json& item) { return item.is_string() || item.is_null(); };
  return list.is_array() && list.size() >= 2 && word(list[0]) && word(list[1]) &&
         list[0].is_null() == list[1].is_null();
}

/// An entry of a modular index: what follows the pair says where it is fetched from, and of what type it is
/// then.
void read_origin(const nlohmann::json& origin, IndexedComponent& component) {
  for (const char* key : {"pretrained_model_name_or_path", "repo"}) {
    if (component.repository.empty() && origin.contains(key)) component.repository = word_of(origin.at(key));
  }
  const auto type = origin.find("type_hint");
  if (!component.absent() || type == origin.end() || !is_pair(*type)) return;
  component.library = word_of((*type)[0]);
  component.class_name = word_of((*type)[1]);
}

void read_entry(ModelIndex& index, const std::string& key, const nlohmann::json& value, bool modular) {
  const bool with_origin = modular && value.is_array() && value.size() == 3 && value[2].is_object();
  if (!is_pair(value) || (value.size() != 2 && !with_origin)) refuse_entry(index.file, key, value);
  IndexedComponent component{.name = key, .library = word_of(value[0]), .class_name = word_of(value[1])};
  if (with_origin) read_origin(value[2], component);
  index.components.push_back(std::move(component));
}

ModelIndex read_index_file(const std::string& file, const IsComponent& is_component, bool modular) {
  ModelIndex index{.file = file};
  if (!is_there(file)) return index;
  index.there = true;
  refuse_unfinished(file);
  const std::string text = read_text(file, largest_index);
  const nlohmann::json json =
      told_apart(text, [&] { return parse_json(text, "read " + file.substr(file.rfind('/') + 1), file); });
  if (!json.is_object()) refuse_index(file, "", "an object", json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (key == "boundary_ratio") {
      if (!value.is_null() && !value.is_number())
        refuse_index(file, key, "a number or null", printable(value.dump(), 60));
      index.has_boundary = !value.is_null();
    } else if (is_component(key) || value.is_array()) {
      read_entry(index, key, value, modular);
    }
  }
  return index;
}

}  // namespace

const IndexedComponent* ModelIndex::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(components, name, &IndexedComponent::name);
  return found == components.end() ? nullptr : &*found;
}

bool ModelIndex::names(std::string_view component) const noexcept {
  const IndexedComponent* found = find(component);
  return found != nullptr && !found->absent();
}

ModelIndex read_model_index(const std::string& folder, const IsComponent& is_component) {
  return read_index_file(inside(folder, "model_index.json"), is_component, false);
}

ModelIndex read_any_index(const std::string& folder, const IsComponent& is_component) {
  ModelIndex index = read_model_index(folder, is_component);
  if (index.there) return index;
  ModelIndex modular = read_index_file(inside(folder, "modular_model_index.json"), is_component, true);
  return modular.there ? modular : index;
}

}  // namespace ditmill::registry

#include "registry/tools/side_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/safetensors.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

constexpr const char* reading_side_file = "read what a conversion left beside the weights";

[[noreturn]] void refuse_side(const std::string& path, std::string expected, const std::string& got) {
  throw Error{Category::bad_input,
              reading_side_file,
              Where{.file = path},
              Expected{std::move(expected)},
              Got{printable(got, max_shown)},
              "if it is none of ditmill's, move it away"};
}

std::string metadata_text(const nlohmann::json& metadata, const std::string& key, const std::string& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || !found->is_string()) refuse_side(path, "the metadata '" + key + "'", "none");
  return found->get<std::string>();
}

KeptNames parse_names(const std::string& text, const std::string& path) {
  const nlohmann::json json = parse_json(text, reading_side_file, path);
  KeptNames names;
  const auto is_text = [](const nlohmann::json& each) { return each.is_string(); };
  for (const auto& [name, list] : json.items()) {
    if (!json.is_object() || !list.is_array() || list.empty() || !std::ranges::all_of(list, is_text))
      refuse_side(path, "lists of names", json.dump());
    names[name] = list.get<std::vector<std::string>>();
  }
  return names;
}

}  // namespace

std::string side_path(const std::string& weights) { return weights + std::string{side_suffix}; }

std::optional<SideFile> read_side_file(const std::string& weights) {
  const std::string path = side_path(weights);
  if (!is_there(path)) return std::nullopt;
  SafetensorsHeader header = read_safetensors_header(*open_file(path));
  const nlohmann::json metadata = header.metadata.empty()
                                      ? nlohmann::json::object()
                                      : parse_json(header.metadata, reading_side_file, path);
  SideFile side;
  side.layout = metadata_text(metadata, "layout", path);
  side.names = parse_names(metadata_text(metadata, "names", path), path);
  side.file.path = path;
  side.file.tensors = std::move(header.tensors);
  return side;
}

std::map<std::string, std::string> side_metadata(const std::string& layout, const KeptNames& names) {
  return {{"layout", layout}, {"names", nlohmann::json(names).dump()}};
}

}  // namespace ditmill::registry

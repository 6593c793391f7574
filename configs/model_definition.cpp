#include "configs/model_definition.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/component_name.h"
#include "configs/error.h"
#include "configs/hex.h"
#include "configs/list_text.h"
#include "configs/suggest.h"
#include "configs/written_path.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr double longest_noop_seconds = 86400;

bool is_digest(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  return text.starts_with(prefix) && is_hex(text.substr(prefix.size()), 64);
}

void read_path(MapReader& reader, std::string_view key, const std::string& directory, std::string& out) {
  std::string path;
  if (!reader.read(key, path)) return;
  if (path.empty()) {
    reader.problem(key, reader.path_of(key) + " is empty", "a path");
    return;
  }
  // Of a model, whoever opens it knows more: hf://ORG/NAME is one to be downloaded
  // (registry/identity/model_path).
  if (const std::optional<PathFault> fault = key == "path" ? std::nullopt : fault_of_path(path)) {
    reader.problem(key, reader.path_of(key) + fault->message, fault->expected, printable(path));
    return;
  }
  out = (std::filesystem::path(directory) / path).lexically_normal().string();
}

/// The components that a mapping names, by their names of now; what names none is a problem.
std::vector<std::pair<std::string, std::string>> keys_by_name(MapReader& reader, bool tokenizer) {
  std::vector<std::string> names{component_names().begin(), component_names().end()};
  if (tokenizer) names.emplace_back("tokenizer");
  std::vector<std::pair<std::string, std::string>> keys;
  for (const std::string& key : reader.keys()) {
    const std::string name{component_named(key)};
    if (std::ranges::find(names, name) == names.end()) {
      std::string expected;
      for (const std::string& each : names) extend_list(expected, each);
      reader.problem_at_key(key, "unknown key " + printable(reader.path_of(key)), std::move(expected), {},
                            nearest(key, names));
    } else if (std::ranges::find(keys, name, &std::pair<std::string, std::string>::second) != keys.end()) {
      report_both_names(reader, key, name);
    } else {
      keys.emplace_back(key, name);
    }
  }
  return keys;
}

void read_variants(MapReader variants, std::map<std::string, std::string>& out) {
  for (const auto& [key, name] : keys_by_name(variants, false)) variants.read(key, out[name]);
}

void read_components(MapReader components, const std::string& directory,
                     std::map<std::string, ComponentSource>& out) {
  for (const auto& [key, name] : keys_by_name(components, true)) {
    ComponentSource& source = out[name];
    const YamlNode* node = components.find(key);
    if (node->kind != YamlNode::Kind::mapping) {
      read_path(components, key, directory, source.path);
      continue;
    }
    MapReader inner = components.map(key);
    if (!inner.has("path")) inner.problem("path", inner.path_of("path") + " is missing", "a file or folder");
    read_path(inner, "path", directory, source.path);
    inner.read("prefix", source.prefix);
    inner.read("files", source.files);
    inner.read("allow_pickle", source.allow_pickle);
    inner.finish();
  }
}

}  // namespace

ModelDefinition read_model_definition(MapReader model, const std::string& directory) {
  ModelDefinition definition;
  read_path(model, "path", directory, definition.path);
  double seconds = 0;
  if (model.read("noop", seconds, {0, longest_noop_seconds})) definition.noop_seconds = seconds;
  const bool has_path = model.has("path");
  const bool has_noop = model.has("noop");
  const bool has_components = model.has("components");
  read_components(model.map("components"), directory, definition.components);
  if (has_path && has_noop) {
    model.problem_at_key("noop", "model.path and model.noop exclude each other", "one of them");
  } else if (has_components && has_noop) {
    model.problem_at_key("noop", "model.components and model.noop exclude each other", "one of them");
  } else if (!has_path && !has_noop && definition.components.empty()) {
    model.problem("path", "model.path is missing", "a model folder, or noop: SECONDS for a rehearsal");
  }
  read_path(model, "catalog", directory, definition.catalog);
  std::string digest;
  if (model.read("digest", digest)) {
    if (!is_digest(digest)) {
      model.problem("digest", "model.digest is not valid", "sha256: and 64 digits 0-9 a-f",
                    printable(digest, 80));
    } else if (has_noop) {
      model.problem_at_key("digest", "model.digest pins weights, and a rehearsal has none", "no digest");
    } else {
      definition.digest = digest;
    }
  }
  read_variants(model.map("variants"), definition.variants);
  model.read("distilled", definition.distilled);
  model.finish();
  return definition;
}

}  // namespace ditmill::configs

#include "configs/model_definition.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "configs/hex.h"
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

void read_variants(MapReader variants, std::map<std::string, std::string>& out) {
  static const std::vector<std::string> roles{"dit", "text_encoder", "vae"};
  for (const std::string& role : variants.keys()) {
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) {
      variants.problem_at_key(role, "unknown key " + printable(variants.path_of(role)),
                              "dit, text_encoder or vae", {}, nearest(role, roles));
      continue;
    }
    variants.read(role, out[role]);
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
  if (has_path && has_noop) {
    model.problem_at_key("noop", "model.path and model.noop exclude each other", "one of them");
  } else if (!has_path && !has_noop) {
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

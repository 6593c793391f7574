#include "configs/preset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "configs/component_name.h"
#include "configs/error.h"
#include "configs/suggest.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

const EmbeddedText* find_text(std::string_view name) {
  for (const EmbeddedText& file : embedded::presets()) {
    if (file.stem == name) return &file;
  }
  return nullptr;
}

/// Components that a preset speaks of, and not all models have.
void add_components(MapReader pipeline, PipelineConfig& config) {
  const YamlNode* components = pipeline.find("components");
  if (components == nullptr || components->kind != YamlNode::Kind::mapping) return;
  for (const std::string_view name : component_names()) {
    if (components->find(name) != nullptr) config.components.try_emplace(std::string{name});
  }
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const EmbeddedText& file : embedded::presets()) names.emplace_back(file.stem);
  std::sort(names.begin(), names.end());
  return names;
}

Preset preset_named(std::string_view name) {
  if (const EmbeddedText* file = find_text(name)) return parse_preset(*file);
  const std::vector<std::string> names = preset_names();
  const std::string near = nearest(name, names);
  throw Error{
      Category::usage,          "find the preset",        {},
      Expected{list_of(names)}, Got{printable(name, 80)}, near.empty() ? "" : "did you mean " + near + "?"};
}

std::optional<Preset> read_preset(MapReader& pipeline) {
  // A value that is no text is reported by apply_pipeline(), which reads it again.
  const YamlNode* node = pipeline.find("preset");
  if (node == nullptr || node->kind != YamlNode::Kind::scalar || node->reported) return std::nullopt;
  if (const EmbeddedText* file = find_text(node->text)) return parse_preset(*file);
  const std::vector<std::string> names = preset_names();
  pipeline.problem("preset", "unknown preset " + printable(node->text, 80), list_of(names), {},
                   nearest(node->text, names));
  return std::nullopt;
}

Preset parse_preset(const EmbeddedText& file) {
  std::vector<Problem> problems;
  const std::string path(file.path);
  const YamlNode root = parse_yaml(file.text, path, problems);
  MapReader reader(root, "", path, problems);
  Preset preset;
  preset.name = file.stem;
  add_components(reader.map("pipeline"), preset.pipeline);
  apply_pipeline(reader.map("pipeline"), preset.pipeline);
  preset.pipeline.preset = preset.name;
  reader.read("negative_prompt_suffix", preset.pipeline.negative_prompt_suffix);
  MapReader requests = reader.map("requests");
  read_request_defaults(requests.map("defaults"), preset.defaults);
  requests.finish();
  reader.finish();
  if (!problems.empty()) throw Error{std::move(problems)};
  return preset;
}

}  // namespace ditmill::configs

#include "jobs/plan/model_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/declared_fields.h"
#include "configs/preset.h"
#include "configs/yaml_reader.h"
#include "jobs/plan/bind/bind_model.h"
#include "jobs/plan/bind/scheduler_settings.h"

namespace ditmill::jobs::plan {
namespace {

using configs::Field;

/// What a field is where a manifest says nothing; null: nothing, or what the field says.
nlohmann::json usual_of(const std::optional<configs::FieldValue>& value) {
  return value ? configs::to_json(*value) : nlohmann::json();
}

nlohmann::json description(const Field& field, nlohmann::json usual) {
  nlohmann::json described{{"name", field.name},
                           {"kind", word_of(configs::field_kinds, field.kind)},
                           {"expected", configs::expected_of(field)},
                           {"default", std::move(usual)},
                           {"in_key", field.in_key},
                           {"says", field.says}};
  const auto bounds = [&described](const auto& given) {
    described["least"] = given.least;
    described["most"] = given.most;
  };
  if (field.kind == configs::FieldKind::whole) bounds(field.whole);
  if (field.kind == configs::FieldKind::real) bounds(field.real);
  if (field.kind == configs::FieldKind::word) described["words"] = field.words;
  return described;
}

nlohmann::json request_fields(const configs::RequestDraft& usual,
                              const std::set<std::string, std::less<>>& lacking,
                              const std::set<std::string, std::less<>>& required) {
  nlohmann::json fields = nlohmann::json::array();
  for (const Field& field : configs::common_request_fields()) {
    const bool unset = !field.usual.has_value();
    fields.push_back(
        description(field, unset ? nlohmann::json() : configs::to_json(configs::value_of(usual, field))));
    fields.back()["may_vary"] = field.may_vary;
    fields.back()["required"] = field.name == "prompt";
  }
  for (const Field& field : configs::family_request_fields()) {
    if (lacking.contains(field.name)) continue;
    fields.push_back(description(field, usual_of(configs::value_of(usual.request.more, field))));
    fields.back()["may_vary"] = field.may_vary;
    fields.back()["required"] = required.contains(field.name);
  }
  return fields;
}

nlohmann::json pipeline_fields(const configs::PipelineConfig& usual,
                               const std::set<std::string, std::less<>>& lacking) {
  const nlohmann::json dumped = configs::dump_layer2(usual);
  nlohmann::json fields = nlohmann::json::array();
  for (const Field& field : configs::common_pipeline_fields()) {
    const auto told = dumped.find(field.name);  // a dump is silent of what is as it always was
    fields.push_back(description(field, told == dumped.end() ? usual_of(field.usual) : *told));
  }
  for (const Field& field : configs::family_pipeline_fields()) {
    if (!lacking.contains(field.name))
      fields.push_back(description(field, usual_of(configs::value_of(usual.more, field))));
  }
  return fields;
}

void show(const nlohmann::json& fields, std::string_view title, std::ostream& out) {
  out << title << "\n";
  for (const nlohmann::json& field : fields) {
    const nlohmann::json& usual = field.at("default");
    out << fmt::format("  {:<17} {}{}\n", field.at("name").get<std::string>(),
                       field.at("expected").get<std::string>(),
                       usual.is_null() ? "" : "; without: " + usual.dump());
    out << fmt::format("  {:<17} {}\n", "", field.at("says").get<std::string>());
  }
}

/// The preset that a manifest names.
std::optional<configs::Preset> preset_of(const ManifestSource& source) {
  std::vector<Problem> problems;
  const configs::YamlNode tree = configs::parse_yaml(source.text, source.file, problems);
  configs::MapReader pipeline = configs::MapReader{tree, "", source.file, problems}.map("pipeline");
  std::optional<configs::Preset> preset = configs::read_preset(pipeline);
  if (!problems.empty()) throw Error{std::move(problems)};
  return preset;
}

}  // namespace

int show_fields(const std::string& model, bool json, std::ostream& out) {
  PreparedJob job;
  job.source.directory = std::filesystem::current_path().string();
  std::optional<configs::Preset> named;
  if (std::filesystem::is_regular_file(model)) {
    job.source = read_manifest(model);
    const configs::ModelDefinition definition = decode_model(job.source);
    if (definition.noop_seconds) {
      throw Error{Category::usage, "list the fields of a model", Where{.file = model, .key = "model"},
                  Expected{"a model with weights"},
                  Got{"a rehearsal, which takes the fields of every model"}};
    }
    bind_model(job, definition);
    named = preset_of(job.source);
  } else {
    bind_model(job, {.path = std::filesystem::absolute(model).lexically_normal().string()});
  }
  const std::string& suggested = job.folder.component("transformer").identity.preset;
  configs::Preset preset = named               ? *std::move(named)
                           : suggested.empty() ? configs::Preset{}
                                               : configs::preset_named(suggested);
  for (auto& [field, value] : settings_of_index(job.folder.path))
    preset.pipeline.more.insert_or_assign(field, value);
  const nlohmann::json report{
      {"family", job.family->name()},
      {"preset", preset.name},
      {"requests",
       request_fields(preset.defaults, job.family->lacking(job.hyper_parameters, models::Layer::request),
                      job.family->required(job.hyper_parameters))},
      {"pipeline",
       pipeline_fields(preset.pipeline, job.family->lacking(job.hyper_parameters, models::Layer::pipeline))}};
  if (json) {
    out << report.dump(2) << "\n";
  } else {
    show(report.at("requests"), "requests (defaults, items, lists, matrix)", out);
    show(report.at("pipeline"), "pipeline (beside dtype, parallel, components, loading)", out);
  }
  return 0;
}

}  // namespace ditmill::jobs::plan

#include "jobs/plan/bind/weights_dump.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "configs/lower_case.h"

namespace ditmill::jobs::plan {
namespace {

bool is_wide_float(registry::ElementType type) {
  using enum registry::ElementType;
  return type == f16 || type == bf16 || type == f32 || type == f64;
}

std::uint64_t parameters_of(const registry::Component& component) {
  std::uint64_t parameters = 0;
  for (const registry::WeightFile& file : component.files) {
    for (const registry::TensorInfo& tensor : file.tensors) parameters += tensor.elements();
  }
  return parameters;
}

std::string quantization_of(const registry::ModelFolder& folder) {
  std::set<std::string> types;
  for (const registry::Component& component : folder.components) {
    for (const registry::WeightFile& file : component.files) {
      for (const registry::TensorInfo& tensor : file.tensors) {
        if (!is_wide_float(tensor.type)) types.insert(lower_case(std::string{name(tensor.type)}));
      }
    }
  }
  std::string text;
  for (const std::string& type : types) text += (text.empty() ? "" : "+") + type;
  return text;
}

std::string in_words(const nlohmann::json& value) {
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

[[noreturn]] void differ(const std::string& file, const std::string& field, const nlohmann::json& dumped,
                         const nlohmann::json& now) {
  throw Error{
      Category::bad_input, "compare the weights with the dump: " + field + " differs",
      Where{.file = file}, Expected{in_words(dumped)},
      Got{in_words(now)},  "if the dump's weights have moved, name their place: --set model.path=DIR"};
}

nlohmann::json names_of(const nlohmann::json& models) {
  nlohmann::json names = nlohmann::json::array();
  for (const nlohmann::json& model : models) names.push_back(model.at("name"));
  return names;
}

}  // namespace

std::vector<configs::ExpertDump> experts_of(const registry::ModelFolder& folder,
                                            const registry::Catalog& catalog) {
  std::vector<configs::ExpertDump> experts;
  for (const registry::Component& component : folder.components) {
    const registry::CatalogEntry* entry = catalog.named(component.identity.variant);
    if (entry == nullptr || entry->expert_folders.empty()) continue;
    experts.push_back({.name = component.name == "transformer" ? "high" : "low", .variant = entry->name});
  }
  return experts;
}

configs::WeightsDump weights_dump(const PreparedJob& job) {
  configs::WeightsDump dump;
  if (job.family == nullptr) return dump;
  const configs::PipelineConfig& pipeline = job.manifest.pipeline;
  for (const registry::Component& component : job.folder.components) {
    const registry::Identity& identity = component.identity;
    const auto config = pipeline.components.find(component.name);
    const configs::Dtype dtype = config == pipeline.components.end() ? pipeline.dtype : config->second.dtype;
    dump.components.push_back({.name = component.name,
                               .family = identity.family,
                               .architecture = std::string{job.family->architecture(component.role)},
                               .variant = identity.variant,
                               .layout = identity.layout,
                               .path = component.label,
                               .key_hash = identity.key_hash,
                               .digest = {},
                               .dtype = std::string{name(dtype)},
                               .parameters = parameters_of(component),
                               .hyper_parameters = job.hyper_parameters.at(component.name)});
  }
  dump.experts = job.experts;
  dump.quantization = quantization_of(job.folder);
  dump.prediction_type = job.family->prediction_type();
  return dump;
}

void require_same_weights(const nlohmann::json& layer1, const configs::WeightsDump& now,
                          const std::string& model_path) {
  const nlohmann::json found = configs::dump_layer1({}, now);
  const nlohmann::json& then_models = layer1.at("models");
  const nlohmann::json& now_models = found.at("models");
  if (names_of(then_models) != names_of(now_models)) {
    differ(model_path, "layer1_model_definition.models", names_of(then_models), names_of(now_models));
  }
  for (std::size_t i = 0; i < now_models.size(); ++i) {
    // Most telling first.
    for (const char* field : {"key_hash", "class", "variant", "layout", "parameters", "hyper_parameters"}) {
      const nlohmann::json& then = then_models[i].at(field);
      if (then == now_models[i].at(field)) continue;
      // Dumps of earlier versions have a family there.
      if (field == std::string_view{"class"} && then == now.components[i].family) continue;
      differ(now.components[i].path, now.components[i].name + "'s " + field, then, now_models[i].at(field));
    }
  }
  for (const char* field : {"experts", "quantization", "prediction_type"}) {
    if (layer1.at(field) != found.at(field)) differ(model_path, field, layer1.at(field), found.at(field));
  }
}

}  // namespace ditmill::jobs::plan

#include "configs/dump.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "configs/component_name.h"
#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/time_text.h"

namespace ditmill::configs {
namespace {

template <typename T>
T named(const nlohmann::json& word, std::optional<T> (*value_of)(std::string_view)) {
  if (const std::optional<T> value = value_of(word.get<std::string_view>())) return *value;
  throw Error{Category::bad_input, "read a config dump", {}, {}, Got{printable(word.dump())}};
}

nlohmann::json dump_tiling(const std::optional<VaeTiling>& tiling) {
  if (!tiling) return false;
  return {{"height", tiling->height},
          {"width", tiling->width},
          {"stride_height", tiling->stride_height},
          {"stride_width", tiling->stride_width}};
}

std::optional<VaeTiling> read_tiling(const nlohmann::json& tiling) {
  if (tiling == false) return std::nullopt;
  return VaeTiling{.height = tiling.at("height").get<int>(),
                   .width = tiling.at("width").get<int>(),
                   .stride_height = tiling.at("stride_height").get<int>(),
                   .stride_width = tiling.at("stride_width").get<int>()};
}

nlohmann::json dump_parallel(const ParallelConfig& parallel) {
  if (parallel.automatic) return "auto";
  return {{"dp", parallel.dp ? nlohmann::json(*parallel.dp) : nlohmann::json("auto")},
          {"cfg", parallel.cfg},
          {"ring", parallel.ring},
          {"ulysses", parallel.ulysses},
          {"pp", parallel.pp},
          {"tp", parallel.tp},
          {"fsdp", parallel.fsdp},
          {"reshard_after_forward", parallel.reshard_after_forward}};
}

ParallelConfig read_parallel(const nlohmann::json& json) {
  if (json == "auto") return {.automatic = true};
  ParallelConfig parallel;
  if (json.at("dp").is_number()) parallel.dp = json.at("dp").get<int>();
  parallel.cfg = json.at("cfg").get<int>();
  parallel.ring = json.at("ring").get<int>();
  parallel.ulysses = json.at("ulysses").get<int>();
  parallel.pp = json.at("pp").get<int>();
  parallel.tp = json.at("tp").get<int>();
  parallel.fsdp = json.at("fsdp").get<bool>();
  // Dumps of before there was any fsdp lack it.
  parallel.reshard_after_forward = json.value("reshard_after_forward", true);
  return parallel;
}

PipelineConfig read_pipeline(const nlohmann::json& dumped) {
  const nlohmann::json layer2 = with_component_names(dumped);
  PipelineConfig pipeline;
  pipeline.preset = layer2.at("preset").get<std::string>();
  pipeline.solver = named(layer2.at("solver"), solver_named);
  pipeline.steps = layer2.at("steps").get<int>();
  pipeline.guidance_scale = layer2.at("guidance_scale").get<double>();
  pipeline.flow_shift = layer2.at("flow_shift").get<double>();
  // Only where it is not the reference, which dumps of before there was any other lack.
  if (const auto numerics = layer2.find("numerics"); numerics != layer2.end())
    pipeline.numerics = named(*numerics, numerics_named);
  for (const Field& field : family_pipeline_fields()) {
    const auto found = layer2.find(field.name);
    if (found == layer2.end()) continue;
    std::optional<FieldValue> value = field_value(field, *found);
    if (!value) {
      throw Error{Category::bad_input, "read a config dump", Where{.key = field.name},
                  Expected{expected_of(field)}, Got{printable(found->dump(), max_shown)}};
    }
    keep(pipeline.more, field, *std::move(value));
  }
  pipeline.dtype = named(layer2.at("dtype"), dtype_named);
  pipeline.parallel = read_parallel(layer2.at("parallel"));
  for (const auto& [name, component] : layer2.at("components").items()) {
    pipeline.components[name] = {.dtype = named(component.at("dtype"), dtype_named),
                                 .attention = component.at("attention").get<std::string>(),
                                 .offload = offload_from_dump(component.at("offload"))};
    // Only a VAE has tiling, and dumps of before there was any lack it.
    pipeline.components[name].tiling = read_tiling(component.value("tiling", nlohmann::json(false)));
  }
  if (const auto loading = layer2.find("loading"); loading != layer2.end()) {
    pipeline.loading =
        strategy_named(loading->at("strategy").get<std::string>()).value_or(Strategy::automatic);
  }
  pipeline.text_window = layer2.at("text_window").get<int>();
  pipeline.negative_prompt_suffix = layer2.at("negative_prompt_suffix").get<std::string>();
  return pipeline;
}

nlohmann::json or_null(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

}  // namespace

std::string utc_now() { return utc_text("%Y-%m-%dT%H:%M:%SZ"); }

nlohmann::json with_component_names(nlohmann::json layer) {
  if (!layer.is_object()) return layer;
  for (const char* field : {"components", "variants"}) {
    const auto found = layer.find(field);
    if (found != layer.end() && found->is_object()) *found = by_component_name(*found);
  }
  const auto models = layer.find("models");
  if (models == layer.end() || !models->is_array()) return layer;
  for (nlohmann::json& model : *models) {
    if (!model.is_object() || !model.contains("name") || !model.at("name").is_string()) continue;
    model["name"] = component_named(model.at("name").get<std::string>());
  }
  return layer;
}

PipelineConfig pipeline_from_dump(const nlohmann::json& layer2) {
  try {
    return read_pipeline(layer2);
  } catch (const nlohmann::json::exception& error) {
    throw Error{Category::bad_input, "read a config dump", {}, {}, Got{error.what()}};
  }
}

nlohmann::json dump_layer1(const ModelDefinition& model, const WeightsDump& weights) {
  nlohmann::json models = nlohmann::json::array();
  for (const ComponentDump& component : weights.components) {
    models.push_back({{"name", component.name},
                      {"class", component.architecture},
                      {"variant", component.variant},
                      {"layout", component.layout},
                      {"path", component.path},
                      {"key_hash", component.key_hash},
                      {"digest", component.digest},
                      {"dtype", component.dtype},
                      {"parameters", component.parameters},
                      {"hyper_parameters", component.hyper_parameters}});
  }
  nlohmann::json experts = nlohmann::json::array();
  for (const ExpertDump& expert : weights.experts) {
    experts.push_back({{"name", expert.name}, {"variant", expert.variant}});
  }
  nlohmann::json layer1{{"models", std::move(models)},
                        {"experts", std::move(experts)},
                        {"quantization", or_null(weights.quantization)},
                        {"prediction_type", or_null(weights.prediction_type)},
                        {"path", model.path},
                        {"noop", model.noop_seconds ? nlohmann::json(*model.noop_seconds) : nlohmann::json()},
                        {"catalog", model.catalog},
                        {"digest", model.digest},
                        {"variants", model.variants},
                        {"distilled", model.distilled}};
  // Only where there are some: dumps of before lack it.
  for (const auto& [name, source] : model.components) {
    layer1["components"][name] = {{"path", source.path},
                                  {"prefix", source.prefix},
                                  {"files", source.files},
                                  {"allow_pickle", source.allow_pickle}};
  }
  return layer1;
}

nlohmann::json dump_layer2(const PipelineConfig& pipeline) {
  nlohmann::json components = nlohmann::json::object();
  for (const auto& [key, component] : pipeline.components) {
    components[key] = {{"dtype", name(component.dtype)},
                       {"attention", component.attention},
                       {"offload", dump_offload(component.offload)}};
    if (key == "vae") components[key]["tiling"] = dump_tiling(component.tiling);
  }
  nlohmann::json layer2{{"preset", pipeline.preset},
                        {"solver", name(pipeline.solver)},
                        {"steps", pipeline.steps},
                        {"guidance_scale", pipeline.guidance_scale},
                        {"flow_shift", pipeline.flow_shift},
                        {"dtype", name(pipeline.dtype)},
                        {"parallel", dump_parallel(pipeline.parallel)},
                        {"components", std::move(components)},
                        {"text_window", pipeline.text_window},
                        {"negative_prompt_suffix", pipeline.negative_prompt_suffix}};
  if (pipeline.numerics != Numerics::reference) layer2["numerics"] = name(pipeline.numerics);
  for (const auto& [name, value] : pipeline.more) layer2[name] = to_json(value);
  // Only where one is wanted: dumps of before lack it.
  if (pipeline.loading != Strategy::automatic) layer2["loading"] = {{"strategy", name(pipeline.loading)}};
  return layer2;
}

nlohmann::json dump_layer3(const Request& request) {
  nlohmann::json layer3 = nlohmann::json::object();
  visit_fields(request, [&](const Field& field, const auto& value) { layer3[field.name] = value; });
  for (const auto& [name, value] : request.more) layer3[name] = to_json(value);
  return layer3;
}

nlohmann::json dump_config(const std::string& pipeline_type, const std::string& device,
                           const nlohmann::json& layer1, const nlohmann::json& layer2) {
  return {{"version", "1.0"},
          {"timestamp", utc_now()},
          {"pipeline_type", pipeline_type},
          {"device", device},
          {"torch_dtype", layer2.at("dtype")},
          {"layer1_model_definition", layer1},
          {"layer2_inference_config", layer2}};
}

}  // namespace ditmill::configs

#include "configs/dump.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "configs/error.h"

namespace ditmill::configs {
namespace {

nlohmann::json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

nlohmann::json dump_component(const DumpedComponent& component) {
  nlohmann::json path = component.paths;
  if (component.paths.size() == 1) path = component.paths.front();
  return {{"name", component.role},
          {"path", std::move(path)},
          {"class", component.family + "." + component.role},
          {"family", component.family},
          {"variant", text_or_null(component.variant)},
          {"layout", component.layout},
          {"key_hash", component.key_hash},
          {"digest", text_or_null(component.digest)},
          {"torch_dtype", name(component.dtype)},
          {"parameters", component.parameters}};
}

/// Throws std::out_of_range, like the accessors of nlohmann::json that it is used beside.
template <typename T>
T value_named(std::initializer_list<T> values, const std::string& word) {
  for (const T value : values) {
    if (name(value) == word) return value;
  }
  throw std::out_of_range("unknown word " + printable(word, 80));
}

Dtype dtype_of(const nlohmann::json& json) {
  return value_named({Dtype::float32, Dtype::bfloat16}, json.get<std::string>());
}

}  // namespace

nlohmann::json dump_layer1(const ModelDefinition& model, const std::vector<DumpedComponent>& components) {
  nlohmann::json models = nlohmann::json::array();
  for (const DumpedComponent& component : components) models.push_back(dump_component(component));
  return {{"models", std::move(models)},
          {"path", text_or_null(model.path)},
          {"noop_seconds", model.noop_seconds ? nlohmann::json(*model.noop_seconds) : nlohmann::json()},
          {"catalog", text_or_null(model.catalog)},
          {"digest", text_or_null(model.digest)},
          {"variants", model.variants},
          {"distilled", model.distilled}};
}

nlohmann::json dump_layer2(const PipelineConfig& pipeline) {
  const ParallelConfig& parallel = pipeline.parallel;
  nlohmann::json components = nlohmann::json::object();
  for (const auto& [role, component] : pipeline.components) {
    components[role] = {{"torch_dtype", name(component.dtype)}, {"attention", component.attention}};
  }
  return {{"preset", pipeline.preset},
          {"solver", name(pipeline.solver)},
          {"steps", pipeline.steps},
          {"guidance_scale", pipeline.guidance_scale},
          {"flow_shift", pipeline.flow_shift},
          {"torch_dtype", name(pipeline.dtype)},
          {"parallel",
           {{"dp", parallel.dp ? nlohmann::json(*parallel.dp) : nlohmann::json("auto")},
            {"cfg", parallel.cfg},
            {"ring", parallel.ring},
            {"ulysses", parallel.ulysses},
            {"pp", parallel.pp},
            {"tp", parallel.tp},
            {"fsdp", parallel.fsdp}}},
          {"components", std::move(components)},
          {"text_window", pipeline.text_window},
          {"negative_prompt_suffix", pipeline.negative_prompt_suffix}};
}

nlohmann::json dump_layer3(const Request& request) {
  return {
      {"id", request.id},         {"prompt", request.prompt}, {"negative_prompt", request.negative_prompt},
      {"seed", request.seed},     {"width", request.width},   {"height", request.height},
      {"frames", request.frames}, {"fps", request.fps}};
}

PipelineConfig pipeline_from_dump(const nlohmann::json& layer2) {
  PipelineConfig pipeline;
  std::string field;
  const auto at = [&field](const nlohmann::json& json, const char* key) -> const nlohmann::json& {
    field = key;
    return json.at(key);
  };
  try {
    at(layer2, "preset").get_to(pipeline.preset);
    pipeline.solver = value_named({Solver::unipc, Solver::euler}, at(layer2, "solver").get<std::string>());
    at(layer2, "steps").get_to(pipeline.steps);
    at(layer2, "guidance_scale").get_to(pipeline.guidance_scale);
    at(layer2, "flow_shift").get_to(pipeline.flow_shift);
    pipeline.dtype = dtype_of(at(layer2, "torch_dtype"));
    const nlohmann::json& parallel = at(layer2, "parallel");
    if (const nlohmann::json& dp = at(parallel, "dp"); dp != "auto") pipeline.parallel.dp = dp.get<int>();
    at(parallel, "cfg").get_to(pipeline.parallel.cfg);
    at(parallel, "ring").get_to(pipeline.parallel.ring);
    at(parallel, "ulysses").get_to(pipeline.parallel.ulysses);
    at(parallel, "pp").get_to(pipeline.parallel.pp);
    at(parallel, "tp").get_to(pipeline.parallel.tp);
    at(parallel, "fsdp").get_to(pipeline.parallel.fsdp);
    const nlohmann::json& components = at(layer2, "components");
    for (auto& [role, component] : pipeline.components) {
      const nlohmann::json& dumped = at(components, role.c_str());
      component.dtype = dtype_of(at(dumped, "torch_dtype"));
      at(dumped, "attention").get_to(component.attention);
    }
    at(layer2, "text_window").get_to(pipeline.text_window);
    at(layer2, "negative_prompt_suffix").get_to(pipeline.negative_prompt_suffix);
  } catch (const std::exception& error) {
    throw Error{Category::bad_input,
                "read layer 2 of a configuration dump",
                Where{.key = field},
                {},
                Got{error.what()}};
  }
  return pipeline;
}

nlohmann::json config_dump(const std::string& pipeline_type, const std::string& device,
                           std::chrono::system_clock::time_point time, nlohmann::json layer1,
                           const PipelineConfig& pipeline) {
  return {{"version", "1.0"},
          {"timestamp", iso_time(time)},
          {"pipeline_type", pipeline_type},
          {"device", device},
          {"torch_dtype", name(pipeline.dtype)},
          {"layer1_model_definition", std::move(layer1)},
          {"layer2_inference_config", dump_layer2(pipeline)}};
}

std::string iso_time(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t seconds = whole.count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> day{};
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>((since - whole).count()));
  return std::string(day.data()) + fraction.data();
}

}  // namespace ditmill::configs

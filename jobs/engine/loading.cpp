#include "jobs/engine/loading.h"

#include <span>

#include <spdlog/spdlog.h>

#include "dist/agree.h"
#include "dist/weights/stream.h"
#include "jobs/store/durable.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::jobs {
namespace {

using configs::Dtype;
using configs::Solver;

Dtype dtype_named(const std::string& word) {
  return word == name(Dtype::float32) ? Dtype::float32 : Dtype::bfloat16;
}

nlohmann::json to_json(const configs::PipelineConfig& pipeline) {
  nlohmann::json components = nlohmann::json::object();
  for (const auto& [role, component] : pipeline.components) {
    components[role] = {{"dtype", name(component.dtype)}, {"attention", component.attention}};
  }
  const configs::ParallelConfig& parallel = pipeline.parallel;
  return {{"preset", pipeline.preset},
          {"solver", name(pipeline.solver)},
          {"steps", pipeline.steps},
          {"guidance_scale", pipeline.guidance_scale},
          {"flow_shift", pipeline.flow_shift},
          {"dtype", name(pipeline.dtype)},
          {"parallel",
           {{"dp", parallel.dp ? nlohmann::json(*parallel.dp) : nlohmann::json()},
            {"cfg", parallel.cfg},
            {"ring", parallel.ring},
            {"ulysses", parallel.ulysses},
            {"pp", parallel.pp},
            {"tp", parallel.tp},
            {"fsdp", parallel.fsdp}}},
          {"components", components},
          {"text_window", pipeline.text_window},
          {"negative_prompt_suffix", pipeline.negative_prompt_suffix}};
}

configs::PipelineConfig pipeline_from_json(const nlohmann::json& json) {
  configs::PipelineConfig pipeline;
  pipeline.preset = json.at("preset").get<std::string>();
  pipeline.solver = json.at("solver").get<std::string>() == name(Solver::euler) ? Solver::euler : Solver::unipc;
  pipeline.steps = json.at("steps").get<int>();
  pipeline.guidance_scale = json.at("guidance_scale").get<double>();
  pipeline.flow_shift = json.at("flow_shift").get<double>();
  pipeline.dtype = dtype_named(json.at("dtype").get<std::string>());
  const nlohmann::json& parallel = json.at("parallel");
  if (!parallel.at("dp").is_null()) pipeline.parallel.dp = parallel.at("dp").get<int>();
  pipeline.parallel.cfg = parallel.at("cfg").get<int>();
  pipeline.parallel.ring = parallel.at("ring").get<int>();
  pipeline.parallel.ulysses = parallel.at("ulysses").get<int>();
  pipeline.parallel.pp = parallel.at("pp").get<int>();
  pipeline.parallel.tp = parallel.at("tp").get<int>();
  pipeline.parallel.fsdp = parallel.at("fsdp").get<bool>();
  for (const auto& [role, component] : json.at("components").items()) {
    pipeline.components[role] = {.dtype = dtype_named(component.at("dtype").get<std::string>()),
                                 .attention = component.at("attention").get<std::string>()};
  }
  pipeline.text_window = json.at("text_window").get<int>();
  pipeline.negative_prompt_suffix = json.at("negative_prompt_suffix").get<std::string>();
  return pipeline;
}

}  // namespace

nlohmann::json to_json(const LoadPlan& plan) {
  nlohmann::json components = nlohmann::json::array();
  for (const dist::ComponentPlan& component : plan.components) components.push_back(dist::to_json(component));
  return {{"family", plan.family},
          {"pipeline", to_json(plan.pipeline)},
          {"components", components},
          {"tokenizer_path", plan.tokenizer_path}};
}

LoadPlan load_plan_from_json(const nlohmann::json& json) {
  LoadPlan plan;
  plan.family = json.at("family").get<std::string>();
  plan.pipeline = pipeline_from_json(json.at("pipeline"));
  for (const nlohmann::json& component : json.at("components")) {
    plan.components.push_back(dist::component_plan_from_json(component));
  }
  plan.tokenizer_path = json.at("tokenizer_path").get<std::string>();
  return plan;
}

Loading load_model(const dist::Communicator& comm, const LoadPlan& plan) {
  Loading loading;
  loading.model.family = plan.family;
  for (const dist::ComponentPlan& component : plan.components) {
    dist::StreamedComponent streamed = dist::stream_component(comm, component);
    if (comm.rank() == 0) {
      spdlog::info("loaded {}: {:.3f} GB in {:.2f} s", component.role, static_cast<double>(streamed.bytes) / 1e9,
                   streamed.seconds);
    }
    loading.bytes += streamed.bytes;
    loading.seconds += streamed.seconds;
    loading.digests.push_back(
        {.role = component.role,
         .key_hash = {},
         .digest = registry::digest_root(streamed.digests, component.hyper_parameters.dump())});
    loading.model.hyper_parameters[component.role] = component.hyper_parameters;
    loading.model.weights[component.role] = std::move(streamed.tensors);
  }
  std::string tokenizer;
  dist::agree(comm, [&] {
    if (comm.rank() == 0) tokenizer = durable::read_file(plan.tokenizer_path);
  });
  loading.model.tokenizer = comm.broadcast_text(std::move(tokenizer), 0, dist::Purpose::weights);
  const auto bytes = std::as_bytes(std::span{loading.model.tokenizer});
  const registry::FileDigest digest =
      registry::digest_file(*registry::memory_source(plan.tokenizer_path, bytes));
  loading.digests.push_back(
      {.role = "tokenizer", .key_hash = {}, .digest = registry::digest_root({&digest, 1}, "{}")});
  return loading;
}

}  // namespace ditmill::jobs

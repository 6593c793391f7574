// component_probe: runs parts of ditmill on given inputs, for the tests that compare them with diffusers.
// Each line of standard input is a request {mode, folder, in, out}: what to run, the model folder, what the
// mode takes, the safetensors file for its tensors; it is answered by a line {error}, empty if there was
// none. Weights come as in a job: identified by registry, bound by the family, streamed.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/yaml_reader.h"
#include "dist/comm/mpi.h"
#include "dist/device.h"
#include "dist/weights/stream.h"
#include "models/component_plan.h"
#include "models/generator.h"
#include "models/image_encoders/clip_vision.h"
#include "models/samplers/sampler.h"
#include "models/samplers/sigmas.h"
#include "models/text/clean.h"
#include "models/text_encoders/umt5.h"
#include "models/tokenizers/read_tokenizer.h"
#include "models/vae/wan_decoder.h"
#include "models/vae/wan_encoder.h"
#include "models/wan/transformer.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_folder.h"
#include "tests/reference/probe_files.h"

namespace ditmill::probe {
namespace {

using nlohmann::json;

configs::Dtype dtype_named(const std::string& name) {
  return name == "bfloat16" ? configs::Dtype::bfloat16 : configs::Dtype::float32;
}

struct Component {
  json hyper_parameters;
  dist::TensorMap tensors;
};

/// What the modes work with: the model folder, the request, and the tensors that come with it.
class Probe {
 public:
  Probe(const dist::Communicator& world, const std::string& folder, json in)
      : world_(world), folder_(folder), in_(std::move(in)) {
    const char* wanted = std::getenv("DITMILL_TEST_DEVICE");
    const bool cuda = wanted != nullptr && std::string(wanted) == "cuda";
    device_ = dist::choose_device(cuda ? dist::DeviceChoice::cuda : dist::DeviceChoice::cpu, 0);
    if (in_.contains("tensors")) tensors_ = read_tensors(in_["tensors"]);
    for (auto& [name, tensor] : tensors_) tensor = tensor.to(device_);
  }

  const json& in() const { return in_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  const at::Tensor& tensor(const std::string& name) const { return tensors_.at(name); }
  configs::Dtype dtype(const std::string& key = "dtype") const {
    return dtype_named(in_.value(key, std::string("float32")));
  }
  dist::ParallelContext parallel() const { return {dist::Mesh(1, {}), 0}; }

  Component load(const std::string& name, configs::Dtype dtype) const {
    return load(name, dtype, [](const registry::Component& component) {
      return models::family_named("wan").bind(component);
    });
  }
  /// With the hyper-parameters that `bind` gives: also of layers that no run of the family has yet.
  Component load(const std::string& name, configs::Dtype dtype,
                 const std::function<json(const registry::Component&)>& bind) const {
    const registry::ModelFolder opened = open();
    const registry::Component& component = opened.component(name);
    const dist::ComponentPlan plan =
        models::plan_component(models::family_named("wan"), component, bind(component), dtype);
    return {plan.hyper_parameters,
            dist::stream_component(world_, plan, dist::Mesh(1, {}), registry::open_file, device_).tensors};
  }

  std::string tokenizer() const {
    std::ifstream file(open().tokenizer_path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  registry::ModelFolder open() const {
    return registry::open_model_folder(folder_, registry::Catalog::built_in());
  }

  const dist::Communicator& world_;
  std::string folder_;
  json in_;
  at::Device device_ = at::kCPU;
  dist::TensorMap tensors_;
};

dist::TensorMap run_dit(const Probe& probe) {
  const Component loaded = probe.load("transformer", probe.dtype(), [](const registry::Component& component) {
    return models::wan::to_json(models::wan::bind_dit(component));
  });
  const models::WeightsView weights(loaded.tensors, "dit");
  models::wan::Transformer transformer(weights, models::wan::dims_from_json(loaded.hyper_parameters),
                                       probe.parallel());
  weights.finish();
  const at::ScalarType dtype = transformer.dtype();
  const at::Tensor image = probe.has("image") ? probe.tensor("image").to(dtype) : at::Tensor{};
  return {{"flow", transformer(probe.tensor("latents").to(dtype), probe.tensor("timestep"),
                               probe.tensor("text").to(dtype), image)}};
}

/// Normalised pixels to the states that transformers are told of pictures.
dist::TensorMap run_clip(const Probe& probe) {
  const Component loaded = probe.load("image_encoder", probe.dtype(), models::bind_clip_vision);
  const models::WeightsView weights(loaded.tensors, "image_encoder");
  const models::ClipVision encoder(weights, loaded.hyper_parameters);
  weights.finish();
  return {{"states", encoder.encode(probe.tensor("pixels"))}};
}

/// `tiling` as a manifest's components.vae has it.
std::optional<configs::VaeTiling> tiling_of(const json& in) {
  configs::PipelineConfig pipeline;
  std::vector<Problem> problems;
  const json wanted{{"components", {{"vae", {{"tiling", in.value("tiling", json(false))}}}}}};
  const configs::YamlNode tree = configs::parse_yaml(wanted.dump(), "IN.json", problems);
  configs::apply_pipeline({tree, "", "IN.json", problems}, pipeline);
  if (!problems.empty()) throw Error{Category::bad_input, problems.front().message};
  return pipeline.components.at("vae").tiling;
}

dist::TensorMap run_vae(const Probe& probe) {
  const Component loaded = probe.load("vae", probe.dtype());
  const models::WeightsView weights(loaded.tensors, "vae");
  const models::WanDecoder decoder(weights, loaded.hyper_parameters);
  const at::Tensor decoded = decoder.decode(probe.tensor("latents"), tiling_of(probe.in()));
  return {{"decoded", decoded}, {"frames", models::to_frames(decoded)}};
}

dist::TensorMap run_vae_encode(const Probe& probe) {
  const Component loaded = probe.load("vae", probe.dtype());
  const models::WeightsView weights(loaded.tensors, "vae");
  const models::WanEncoder encoder(weights, loaded.hyper_parameters);
  const at::Tensor moments = encoder.moments(probe.tensor("pixels"), tiling_of(probe.in()));
  return {{"moments", moments}, {"latents", encoder.latents(moments)}};
}

/// Texts to ids, and to embeddings where `embed` is not false.
dist::TensorMap run_text(const Probe& probe) {
  const auto tokenizer = models::make_tokenizer(probe.tokenizer());
  dist::TensorMap out;
  std::vector<std::vector<int>> ids;
  for (const std::string text : probe.in().at("texts")) {
    ids.push_back(tokenizer->encode(models::clean_prompt(text), 512));
    out["ids." + std::to_string(ids.size() - 1)] = at::tensor(ids.back()).to(at::kLong);
  }
  if (!probe.in().value("embed", true)) return out;
  const Component loaded = probe.load("text_encoder", probe.dtype());
  const models::WeightsView weights(loaded.tensors, "text_encoder");
  const models::Umt5Encoder encoder(weights, loaded.hyper_parameters, probe.parallel());
  weights.finish();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out["embedding." + std::to_string(i)] = encoder.encode(ids[i]);
  }
  return out;
}

/// A sampler fed with given flows [steps, 1, C, T, H, W]: its tables, and the sample after every step.
dist::TensorMap run_sampler(const Probe& probe) {
  const json& in = probe.in();
  const configs::Solver solver = configs::solver_named(in.at("solver").get<std::string>()).value();
  const models::Schedule schedule = models::make_schedule(solver, in.at("steps"), in.at("shift"));
  dist::TensorMap out{{"sigmas", at::tensor(schedule.sigmas)}, {"timesteps", at::tensor(schedule.timesteps)}};
  if (!in.contains("tensors")) return out;
  const auto sampler = models::make_sampler(solver, in.at("steps"), in.at("shift"));
  at::Tensor sample = probe.tensor("sample");
  for (int step = 0; step < sampler->steps(); ++step) {
    sample = sampler->advance(probe.tensor("flows")[step], sample);
    out["sample." + std::to_string(step)] = sample;
  }
  return out;
}

configs::Request request_of(const json& json) {
  configs::Request request;
  request.id = json.at("id");
  request.prompt = json.at("prompt");
  request.negative_prompt = json.at("negative_prompt");
  request.seed = json.at("seed");
  request.width = json.at("width");
  request.height = json.at("height");
  request.frames = json.at("frames");
  return request;
}

/// Requests to latents and frames, in the order given, all by one generator.
dist::TensorMap run_pipeline(const Probe& probe) {
  const json& in = probe.in();
  configs::PipelineConfig pipeline;
  pipeline.solver = configs::solver_named(in.at("solver").get<std::string>()).value();
  pipeline.steps = in.at("steps");
  pipeline.guidance_scale = in.at("guidance_scale");
  pipeline.flow_shift = in.at("flow_shift");
  models::LoadedModel model{.family = "wan",
                            .hyper_parameters = {},
                            .weights = {},
                            .numerics = configs::numerics_named(in.value("numerics", "reference")).value(),
                            .tokenizer = probe.tokenizer()};
  for (const char* field : {"boundary", "guidance_scale_2"}) {
    if (in.contains(field)) pipeline.more[field] = in.at(field).get<double>();
  }
  std::vector<std::string> names{"transformer", "text_encoder", "vae"};
  if (pipeline.more.contains("boundary")) names.emplace_back("transformer_2");
  for (const std::string& name : names) {
    const configs::Dtype dtype = name == "vae" ? probe.dtype("vae_dtype") : probe.dtype();
    pipeline.components[name].dtype = dtype;
    Component loaded = probe.load(name, dtype);
    model.hyper_parameters[name] = loaded.hyper_parameters;
    model.weights[name] = std::move(loaded.tensors);
  }
  models::family_named("wan").check_together(model.hyper_parameters);
  const auto encoder = models::make_text_encoder(model, probe.parallel());
  const auto generator = models::make_generator(model, pipeline, probe.parallel());
  dist::TensorMap out;
  for (const json& entry : in.at("requests")) {
    const configs::Request request = request_of(entry);
    models::ClipInput clip{.request = request, .encoded = {}};
    const auto encode = [&](models::Use use, const std::string& text) {
      return clip.encoded[use].emplace_back(encoder->encode({"text_encoder", text})).tensors.at("text");
    };
    const at::Tensor text = encode(models::Use::positive, request.prompt);
    const at::Tensor negative = encode(models::Use::negative, request.negative_prompt);
    if (!pipeline.guided()) clip.encoded.erase(models::Use::negative);
    const models::ClipLatents made = generator->denoise({&clip, 1}, [](std::string_view) {}).front();
    if (made.failure) throw Error{*made.failure};
    const at::Tensor& latents = made.latents;
    out[request.id + ".text"] = text;
    out[request.id + ".negative"] = negative;
    out[request.id + ".latents"] = latents;
    if (in.value("decode", true)) out[request.id + ".frames"] = generator->decode(latents).at("frames");
  }
  return out;
}

const std::map<std::string, std::function<dist::TensorMap(const Probe&)>> modes{
    {"dit", run_dit},   {"vae", run_vae},         {"vae_encode", run_vae_encode}, {"clip", run_clip},
    {"text", run_text}, {"sampler", run_sampler}, {"pipeline", run_pipeline}};

/// Does what a request asks for; returns what went wrong.
std::string answer(const dist::Communicator& world, const json& request) {
  try {
    json in = request.at("in");
    at::set_num_threads(in.value("threads", 2));
    const c10::InferenceMode inference;
    write_tensors(request.at("out"),
                  modes.at(request.at("mode"))(Probe(world, request.at("folder"), std::move(in))));
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

int run(int argc, char** argv) {
  dist::MpiSession session(argc, argv);
  const dist::Communicator world = session.world();
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json{{"error", answer(world, json::parse(line))}}.dump() << std::endl;
  return 0;
}

}  // namespace
}  // namespace ditmill::probe

int main(int argc, char** argv) { return ditmill::probe::run(argc, argv); }

#include "jobs/bench/bench_peer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/embedded.h"
#include "configs/error.h"
#include "dist/device.h"
#include "dist/library_versions.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/bench/child_process.h"
#include "jobs/bench/peer_python.h"
#include "jobs/bench/step_model.h"
#include "jobs/bench/tensor_file.h"
#include "jobs/results/files/temporary_folder.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

/// Threads of the other process may spin for a while after their work: neither is timed meanwhile.
constexpr std::chrono::milliseconds rest{50};

/// diffusers in its Python.
class Peer {
 public:
  Peer(const std::string& folder, int threads)
      : program_(peer_python()),
        process_(
            {program_, "-c", std::string(embedded::bench_peer()[0].text), folder},
            {"OMP_NUM_THREADS=" + std::to_string(threads), "HF_HUB_OFFLINE=1", "PYTHONDONTWRITEBYTECODE=1"}) {
    versions_ = answer().at("versions");
  }

  double forward() {
    process_.write_line("forward");
    return answer().at("seconds");
  }
  const json& versions() const { return versions_; }

 private:
  json answer() {
    const std::optional<std::string> line = process_.read_line();
    json given = line ? json::parse(*line, nullptr, /*allow_exceptions=*/false) : json();
    if (given.is_object() && given.contains("missing")) {
      throw Error{Category::not_found,
                  "run diffusers",
                  Where{.file = program_},
                  Expected{"a Python with diffusers, torch and safetensors"},
                  Got{printable(given["missing"].get<std::string>())},
                  "name one by $DITMILL_PYTHON; ./setup build installs one in .deps/python"};
    }
    if (given.is_object() && !given.contains("failure")) return given;
    throw Error{Category::io, "run diffusers", Where{.file = program_}, Expected{"an answer"},
                Got{line ? printable(given.is_object() ? given["failure"].get<std::string>() : *line)
                         : std::string("its end; what it said is above")}};
  }

  std::string program_;
  ChildProcess process_;
  json versions_;
};

at::Tensor read_flow(const std::filesystem::path& path, at::IntArrayRef shape) {
  at::Tensor flow = at::empty(shape, at::kFloat);
  std::ifstream file(path, std::ios::binary);
  file.read(static_cast<char*>(flow.data_ptr()), static_cast<std::streamsize>(flow.nbytes()));
  if (file) return flow;
  throw Error{Category::io, "read the flow of diffusers", Where{.file = path.string()}};
}

double distance(const at::Tensor& ours, const at::Tensor& theirs) {
  const at::Tensor wide = theirs.to(at::kDouble);
  return (ours.to(at::kDouble) - wide).norm().item<double>() / wide.norm().item<double>();
}

void expect_near(double apart, configs::Dtype dtype) {
  const double most = dtype == configs::Dtype::float32 ? 2e-5 : 2e-2;
  if (apart <= most) return;
  throw Error{Category::numeric,
              "compare the flow with that of diffusers",
              {},
              Expected{fmt::format("a relative distance of {:g} at most", most)},
              Got{fmt::format("{:.2e}", apart)}};
}

}  // namespace

json measure_peer(const StepSetup& setup, const BenchStepOptions& options, const at::Device& device) {
  const c10::InferenceMode inference;
  const dist::Mesh mesh(1, {});
  RandomWeights weights = draw_weights(plan_without_files(setup), mesh, 0, device);
  const results::TemporaryFolder folder((std::filesystem::temp_directory_path() / "ditmill-peer-").string());
  write_safetensors(folder / "weights.safetensors", weights.tensors);
  const StepModel model(setup, dist::ParallelContext(mesh, 0), std::move(weights), device);

  const models::DenoiseInput clip = model.clip(1);
  const at::Tensor latents = clip.noise.to(model.denoiser().options());
  const at::Tensor timestep = at::full({1}, 500.0, latents.options().dtype(at::kFloat));
  dist::TensorMap inputs = clip.told.front();
  for (auto& [name, tensor] : inputs) tensor = tensor.to(latents.options());
  inputs["latents"] = latents;
  inputs["timestep"] = timestep;
  write_safetensors(folder / "inputs.safetensors", inputs);
  const int threads = at::get_num_threads();
  std::ofstream(folder / "request.json")
      << json{{"config", setup.config}, {"threads", threads}, {"device", device.str()}};

  const std::unique_ptr<models::ClipPasses> passes = model.passes();
  const auto forward = [&] {
    passes->begin(timestep, clip.told.front());
    return passes->leave(passes->pass(passes->enter(latents)));
  };
  Peer peer(folder.path(), threads);
  const at::Tensor flow = forward();
  const double apart = distance(flow.cpu(), read_flow(folder / "flow.f32", flow.sizes()));
  expect_near(apart, setup.dtype());

  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round < options.steps; ++round) {
    std::this_thread::sleep_for(rest);
    const auto start = std::chrono::steady_clock::now();
    forward();
    finish_work(device);
    ours.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::this_thread::sleep_for(rest);
    theirs.push_back(peer.forward());
  }
  const Spread ours_spread = spread_of(ours);
  const Spread theirs_spread = spread_of(theirs);
  json libraries = dist::library_versions();
  libraries.update(peer.versions());
  return {{"bench", "step"},
          {"peer", "diffusers"},
          {"model", options.model},
          {"layers", setup.component.identity.hyper_parameters.value("layers", 0)},
          {"width", options.width},
          {"height", options.height},
          {"frames", options.frames},
          {"tokens", setup.tokens()},
          {"dtype", configs::name(setup.dtype())},
          {"numerics", configs::name(setup.pipeline.numerics)},
          {"device", dist::describe_device(device)},
          {"threads", threads},
          {"rounds", options.steps},
          {"libraries", std::move(libraries)},
          {"distance", apart},
          {"ours", to_json(ours_spread)},
          {"theirs", to_json(theirs_spread)},
          {"ratio", theirs_spread.median / ours_spread.median}};
}

std::string peer_table(const json& report) {
  std::string text = fmt::format(
      "{}, {} blocks, {} tokens, {}, {}, {}, {} threads each; {} rounds in turn, diffusers {}\n"
      "relative distance of the two flows: {:.2e}\n\n{:<12}{:>10}{:>10}{:>10}\n",
      report.at("model").get<std::string>(), report.at("layers").get<int>(),
      report.at("tokens").get<std::int64_t>(), report.at("dtype").get<std::string>(),
      report.at("numerics").get<std::string>(), report.at("device").get<std::string>(),
      report.at("threads").get<int>(), report.at("rounds").get<int>(),
      report.at("libraries").at("diffusers").get<std::string>(), report.at("distance").get<double>(),
      "forward s", "median", "min", "max");
  for (const auto& [who, key] : {std::pair{"ditmill", "ours"}, std::pair{"diffusers", "theirs"}}) {
    const json& spread = report.at(key);
    text += fmt::format("{:<12}{:>10.3f}{:>10.3f}{:>10.3f}\n", who, spread.at("median").get<double>(),
                        spread.at("min").get<double>(), spread.at("max").get<double>());
  }
  return text + fmt::format("diffusers / ditmill: {:.3f}\n", report.at("ratio").get<double>());
}

}  // namespace ditmill::jobs::bench

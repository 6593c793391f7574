#include "jobs/bench/bench_step.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/device.h"
#include "dist/library_versions.h"
#include "dist/liveness/sentinel.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/bench/bench_peer.h"
#include "jobs/bench/bench_step_report.h"
#include "jobs/bench/step_setup.h"
#include "jobs/bench/step_traffic.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/output.h"
#include "models/denoise/denoise.h"
#include "models/denoise/guidance.h"
#include "models/samplers/noise.h"
#include "models/wan/text_denoiser.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

/// What was so far when a step began: on this rank.
struct Moment {
  std::chrono::steady_clock::time_point time;
  std::map<dist::Purpose, dist::Traffic> traffic;
};

Moment moment_of(const dist::ParallelContext& parallel, const at::Device& device) {
  finish_work(device);
  Moment now{.time = std::chrono::steady_clock::now(), .traffic = {}};
  for (const dist::Purpose why : step_purposes) now.traffic[why] = parallel.traffic(why);
  return now;
}

StepCost cost_between(const Moment& begin, const Moment& end) {
  StepCost cost{.seconds = std::chrono::duration<double>(end.time - begin.time).count(), .traffic = {}};
  for (const dist::Purpose why : step_purposes) {
    cost.traffic[why] = end.traffic.at(why) - begin.traffic.at(why);
  }
  return cost;
}

/// Clips whose latents and texts are noise, one behind the other in the pipeline.
std::vector<models::DenoiseInput> make_clips(const StepSetup& setup,
                                             const models::wan::Transformer& transformer, int clips,
                                             int steps) {
  const at::Device device = transformer.options().device();
  std::vector<models::DenoiseInput> inputs;
  for (int clip = 0; clip < clips; ++clip) {
    const auto text = [&](std::int64_t tokens) {
      const at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(clip));
      return models::wan::told_text(at::randn({tokens, setup.dims.text_dim}, generator),
                                    transformer.options());
    };
    inputs.push_back({.noise = models::initial_noise(clip, setup.latent).to(device),
                      .told = {text(96), text(128)},
                      .item = "clip " + std::to_string(clip),
                      .sampler = models::make_sampler(configs::Solver::unipc, steps, 3)});
  }
  return inputs;
}

/// The costs of so many steps, after one that is not counted.
std::vector<StepCost> run_steps(const StepSetup& setup, models::wan::Transformer& transformer, int steps) {
  const c10::InferenceMode inference;
  const dist::ParallelContext& parallel = transformer.parallel();
  const at::Device device = transformer.options().device();
  const int clips = parallel.degree(dist::Axis::pp);
  // Stages drain in the last step: one more keeps all of them busy in those that count.
  const int all = 1 + steps + (clips > 1 ? 1 : 0);
  std::vector<Moment> begins;
  models::wan::TextDenoiser denoiser{transformer};
  const auto results = models::denoise(denoiser, make_clips(setup, transformer, clips, all),
                                       *models::make_guidance(setup.guided(), setup.guidance),
                                       [&](int) { begins.push_back(moment_of(parallel, device)); });
  begins.push_back(moment_of(parallel, device));
  for (const models::Denoised& result : results) {
    if (result.failure) throw Error{*result.failure};
  }
  std::vector<StepCost> costs;
  for (std::size_t i = 1; i <= static_cast<std::size_t>(steps); ++i) {
    costs.push_back(cost_between(begins[i], begins[i + 1]));
  }
  return costs;
}

std::uint64_t peak_bytes(const at::Device& device) {
  if (!device.is_cuda()) return plan::process_memory().peak;
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return static_cast<std::uint64_t>(stats.allocated_bytes[0].peak);
}

class StepBench {
 public:
  StepBench(const dist::Communicator& world, const BenchStepOptions& options)
      : world_(world), options_(options) {
    dist::agree(world_, [&] {
      setup_ = read_step_setup(options_);
      if (!options_.peer.empty() && world_.size() > 1) {
        throw Error{Category::usage,
                    "bench step --peer",
                    {},
                    Expected{"one rank"},
                    Got{std::to_string(world_.size())}};
      }
      mesh_.emplace(world_.size(), setup_.parallel);
    });
    const slurm::Allocation allocation = slurm::read_allocation();
    const int threads = engine::default_threads(world_, allocation);
    at::set_num_threads(options_.threads > 0 ? options_.threads : threads);
    device_ = engine::choose_rank_device(world_, options_.device);
    load_ = load_average();
  }

  void measure() {
    if (!options_.peer.empty()) {
      write([&] { return measure_peer(setup_, options_, device_); }, peer_table);
      return;
    }
    const dist::ParallelContext parallel(*mesh_, world_, engine::tensor_carrier(device_));
    const json mine = measure_rank(parallel);
    std::vector<json> ranks;
    for (const std::string& text : world_.gather_text(mine.dump(), 0, dist::Purpose::plan)) {
      ranks.push_back(json::parse(text));
    }
    write([&] { return step_report(setting(), ranks); }, step_table);
  }

 private:
  json measure_rank(const dist::ParallelContext& parallel) {
    const dist::ComponentPlan plan = plan_without_files(setup_.dims, setup_.dtype, setup_.parallel.fsdp);
    RandomWeights weights;
    dist::agree(world_, [&] { weights = draw_weights(plan, *mesh_, world_.rank(), device_); });
    RankCost rank{.host = plan::machine_name(), .weights_bytes = weights.bytes};
    std::uint64_t block_bytes = 0;
    for (const auto& [layer, layout] : weights.layouts) block_bytes += layout.bytes;
    rank.expected = bytes_a_step(work(), parallel, block_bytes);
    models::wan::Transformer transformer = make_transformer(setup_, parallel, std::move(weights));
    rank.steps = run_steps(setup_, transformer, options_.steps);
    rank.peak_bytes = peak_bytes(device_);
    return to_json(rank, parallel);
  }

  StepWork work() const {
    return {.dims = setup_.dims,
            .latent = setup_.latent,
            .element = static_cast<std::int64_t>(dist::element_bytes(setup_.dtype)),
            .clips = mesh_->degree(dist::Axis::pp),
            .guided = setup_.guided(),
            .shards_blocks = setup_.parallel.fsdp && setup_.parallel.reshard_after_forward};
  }

  json setting() const {
    json degrees;
    for (const dist::Axis axis : dist::axes) degrees[dist::name(axis)] = mesh_->degree(axis);
    degrees["fsdp"] = setup_.parallel.fsdp;
    degrees["reshard_after_forward"] = setup_.parallel.reshard_after_forward;
    return {{"bench", "step"},
            {"model", options_.model},
            {"layers", setup_.dims.layers},
            {"width", options_.width},
            {"height", options_.height},
            {"frames", options_.frames},
            {"tokens", work().tokens()},
            {"dtype", configs::name(setup_.dtype)},
            {"guidance", setup_.guidance},
            {"parallel", degrees},
            {"world", world_.size()},
            {"clips", work().clips},
            {"steps", options_.steps},
            {"device", dist::describe_device(device_)},
            {"threads", at::get_num_threads()},
            {"load_average", load_},
            {"libraries", dist::library_versions()}};
  }

  /// What `make` gives, by rank 0.
  void write(const std::function<json()>& make, std::string (*table)(const json&)) const {
    dist::agree(world_, [&] {
      if (world_.rank() > 0) return;
      const json report = make();
      results::write_results(options_.out, [&](std::ostream& out) {
        out << (options_.json ? report.dump(2) + "\n" : table(report));
        return 0;
      });
    });
  }

  const dist::Communicator& world_;
  const BenchStepOptions& options_;
  StepSetup setup_;
  std::optional<dist::Mesh> mesh_;
  at::Device device_ = at::kCPU;
  double load_ = 0;  ///< average of this rank's machine in the minute before
};

}  // namespace

int bench_step(const dist::MpiSession& mpi, const BenchStepOptions& options) {
  const dist::Communicator world = mpi.world();
  dist::RankState state(world.rank());
  dist::Sentinel sentinel(mpi.world(), state);
  state.set("measuring steps");
  try {
    StepBench(world, options).measure();
  } catch (const dist::AgreedError&) {
    // Rank 0 tells it.
    if (world.rank() == 0) throw;
  } catch (...) {
    sentinel.fail(*dist::failure_of([] { throw; }));
  }
  return 0;
}

}  // namespace ditmill::jobs::bench

#include "jobs/bench/bench_step.h"

#include <ATen/ATen.h>
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
#include "jobs/bench/step_model.h"
#include "jobs/bench/step_setup.h"
#include "jobs/bench/step_traffic.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/output.h"
#include "models/denoise/denoise.h"
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

/// Of a pipeline that is `clips` deep, the steps that are run so that so many are measured: one before them
/// is not counted, and stages drain in the last one.
int steps_in_all(int measured, int clips) { return 1 + measured + (clips > 1 ? 1 : 0); }

/// The costs of so many steps.
std::vector<StepCost> run_steps(const StepModel& model, const at::Device& device, int steps) {
  const dist::ParallelContext& parallel = model.denoiser().parallel();
  std::vector<models::DenoiseInput> clips;
  for (int clip = 0; clip < parallel.degree(dist::Axis::pp); ++clip) clips.push_back(model.clip(clip));
  std::vector<Moment> begins;
  const auto results = models::denoise(model.denoiser(), std::move(clips), model.guidance(),
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
      mesh_.emplace(world_.size(), setup_.pipeline.parallel);
      setup_.pipeline.steps = steps_in_all(options_.steps, clips());
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
    const c10::InferenceMode inference;
    const dist::ComponentPlan plan = plan_without_files(setup_);
    RandomWeights weights;
    dist::agree(world_, [&] { weights = draw_weights(plan, *mesh_, world_.rank(), device_); });
    RankCost rank{.host = plan::machine_name(), .weights_bytes = weights.bytes};
    std::uint64_t block_bytes = 0;
    for (const auto& [layer, layout] : weights.layouts) block_bytes += layout.bytes;
    const StepModel model(setup_, parallel, std::move(weights), device_);
    rank.expected = bytes_a_step(work(), parallel, *model.passes(), block_bytes);
    rank.steps = run_steps(model, device_, options_.steps);
    rank.peak_bytes = peak_bytes(device_);
    return to_json(rank, parallel);
  }

  int clips() const { return mesh_->degree(dist::Axis::pp); }

  StepWork work() const {
    return {.latent = setup_.latent,
            .element = static_cast<std::int64_t>(dist::element_bytes(setup_.dtype())),
            .clips = clips(),
            .guided = setup_.pipeline.guided(),
            .shards_blocks = setup_.pipeline.parallel.fsdp && setup_.pipeline.parallel.reshard_after_forward};
  }

  json setting() const {
    json degrees;
    for (const dist::Axis axis : dist::axes) degrees[dist::name(axis)] = mesh_->degree(axis);
    degrees["fsdp"] = setup_.pipeline.parallel.fsdp;
    degrees["reshard_after_forward"] = setup_.pipeline.parallel.reshard_after_forward;
    return {{"bench", "step"},
            {"model", options_.model},
            {"layers", setup_.component.identity.hyper_parameters.value("layers", 0)},
            {"width", options_.width},
            {"height", options_.height},
            {"frames", options_.frames},
            {"tokens", setup_.tokens()},
            {"dtype", configs::name(setup_.dtype())},
            {"numerics", configs::name(setup_.pipeline.numerics)},
            {"guidance", setup_.pipeline.guidance_scale},
            {"parallel", degrees},
            {"world", world_.size()},
            {"clips", clips()},
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

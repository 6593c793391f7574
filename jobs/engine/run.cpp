#include "jobs/engine/run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "configs/dump.h"
#include "dist/agree.h"
#include "dist/device.h"
#include "dist/library_versions.h"
#include "dist/mesh.h"
#include "dist/parallel_context.h"
#include "jobs/cli/output.h"
#include "jobs/engine/authority.h"
#include "jobs/engine/coordinator.h"
#include "jobs/engine/group_runner.h"
#include "jobs/engine/loading.h"
#include "jobs/engine/logging.h"
#include "jobs/engine/memory_check.h"
#include "jobs/engine/noop_generator.h"
#include "jobs/engine/progress.h"
#include "jobs/engine/text_stage.h"
#include "jobs/engine/threads.h"
#include "jobs/memory/memory_limit.h"
#include "jobs/memory/memory_plan.h"
#include "jobs/store/group_store.h"
#include "slurm/allocation.h"

namespace ditmill::jobs {
namespace {

/// What rank 0 tells all others before any weights are read.
struct Orders {
  configs::PipelineConfig pipeline = {};
  int threads = 0;  ///< 0: each rank's own default
  std::optional<double> noop_seconds = {};
  std::optional<LoadPlan> load = {};
};

/// What turns items into clips on this rank.
struct Generation {
  std::unique_ptr<models::TextEncoder> encoder;  ///< null with offload: stages
  std::shared_ptr<const TextSpool> spool;        ///< with offload: stages
  TextSource texts;                              ///< of one of these
  std::unique_ptr<models::ClipGenerator> generator;
};

nlohmann::json to_json(const Orders& orders) {
  nlohmann::json json{{"pipeline", configs::dump_layer2(orders.pipeline)}, {"threads", orders.threads}};
  if (orders.noop_seconds) json["noop_seconds"] = *orders.noop_seconds;
  if (orders.load) json["load"] = to_json(*orders.load);
  return json;
}

Orders orders_from_json(const nlohmann::json& json) {
  Orders orders{.pipeline = configs::pipeline_from_dump(json.at("pipeline")),
                .threads = json.at("threads").get<int>()};
  if (json.contains("noop_seconds")) orders.noop_seconds = json.at("noop_seconds").get<double>();
  if (json.contains("load")) orders.load = load_plan_from_json(json.at("load"));
  return orders;
}

/// Rank 0's text on every rank.
nlohmann::json broadcast_json(const dist::Communicator& comm, const nlohmann::json& json) {
  const std::string text = comm.rank() == 0 ? json.dump() : std::string{};
  return nlohmann::json::parse(comm.broadcast_text(text, 0, dist::Purpose::plan));
}

void write_progress(const std::string& text) { std::cerr << text << std::flush; }

/// A run on one rank; `authority` is there on rank 0 only.
class Run {
 public:
  Run(const dist::MpiSession& mpi, const RunOptions& options)
      : world_(mpi.world()), items_(mpi.world()), options_(options) {}

  bool leads() const noexcept { return world_.rank() == 0; }

  /// Returns how the run ended, on rank 0. Throws the agreed error.
  Outcome run() {
    Orders orders = open();
    std::optional<Loading> loading;
    Generation generation;
    if (orders.load) choose_device();
    if (orders.pipeline.parallel.automatic) choose_layout(orders);
    if (orders.load) {
      check_room();
      loading.emplace();
      load(orders, *loading, generation);
    } else if (orders.noop_seconds) {
      generation.generator = std::make_unique<NoopGenerator>(*orders.noop_seconds);
      generation.texts.embedding = [](const std::string&) { return at::zeros({1, 1}, at::kFloat); };
    }
    const StorePlan store = settle(loading ? &*loading : nullptr);
    if (generation.generator) work(orders, generation, store);
    tell_peak();
    spool_folder_.reset();
    Outcome outcome;
    dist::agree(world_, [&] {
      if (authority_) outcome = authority_->conclude(nullptr);
    });
    return outcome;
  }

  /// Leaves the run directory in order after an error, on rank 0.
  void abandon(const Error& error) {
    if (authority_) authority_->conclude(&error);
  }

 private:
  Orders open() {
    dist::agree(world_, [&] { set_up_logging(world_.rank(), options_.log_level, options_.log_file); });
    const slurm::Allocation allocation =
        slurm::read_allocation([](const char* name) { return std::getenv(name); });
    const int threads = options_.threads > 0 ? options_.threads : default_threads(world_, allocation);
    Orders orders;
    dist::agree(world_, [&] {
      if (!leads()) return;
      authority_.emplace(options_, LaunchFacts{.world = world_.size(),
                                               .threads = threads,
                                               .allocation = allocation,
                                               .libraries = dist::library_versions()});
      orders = {.pipeline = authority_->pipeline(),
                .threads = authority_->dumped_threads(),
                .noop_seconds = authority_->model().noop_seconds};
      if (authority_->needs_weights()) orders.load = authority_->load_plan();
    });
    orders = orders_from_json(broadcast_json(world_, leads() ? to_json(orders) : nlohmann::json{}));
    at::set_num_threads(orders.threads > 0 ? orders.threads : threads);
    spdlog::debug("{} threads", at::get_num_threads());
    return orders;
  }

  StorePlan settle(const Loading* loading) {
    StorePlan plan;
    dist::agree(world_, [&] {
      if (!leads()) return;
      authority_->settle(loading, device_);
      plan = authority_->store_plan();
    });
    return store_plan_from_json(broadcast_json(world_, leads() ? to_json(plan) : nlohmann::json{}));
  }

  void choose_device() {
    const int local = local_rank(world_);
    dist::agree(world_, [&] {
      const auto wanted = options_.device == "cuda"  ? dist::DeviceChoice::cuda
                          : options_.device == "cpu" ? dist::DeviceChoice::cpu
                                                     : dist::DeviceChoice::automatic;
      device_ = dist::choose_device(wanted, local);
      spdlog::debug("computes on {}", dist::describe_device(device_));
    });
  }

  /// `parallel: auto`: what bounds every rank decides, on rank 0.
  void choose_layout(Orders& orders) {
    const std::vector<std::string> texts =
        world_.gather_text(to_json(memory_here()).dump(), 0, dist::Purpose::plan);
    dist::agree(world_, [&] {
      if (!leads()) return;
      std::vector<RankMemory> ranks;
      for (const std::string& text : texts) {
        ranks.push_back(rank_memory_from_json(nlohmann::json::parse(text)));
      }
      authority_->choose_layout(ranks);
      orders.pipeline = authority_->pipeline();
    });
    orders.pipeline = configs::pipeline_from_dump(
        broadcast_json(world_, leads() ? configs::dump_layer2(orders.pipeline) : nlohmann::json{}));
    if (orders.load) orders.load->pipeline = orders.pipeline;
  }

  RankMemory memory_here() const { return device_.is_cuda() ? on_device(device_) : this_rank(); }

  /// Refuses a job that the machines have no memory for, before a byte of weights is read.
  void check_room() {
    std::optional<MemoryDemand> demand;
    dist::agree(world_, [&] {
      if (leads() && !options_.skip_memory_check) demand = authority_->memory_demand();
    });
    planned_bytes_ = check_memory(world_, demand, memory_here());
  }

  /// Loads the model, the text encoder first. With offload: stages all texts are encoded then, and its memory
  /// is given back before the rest is loaded.
  void load(const Orders& orders, Loading& loading, Generation& generation) {
    const dist::ParallelContext parallel{dist::Mesh{world_.size(), orders.pipeline.parallel}, world_.rank()};
    load_stage(world_, *orders.load, LoadStage::text, parallel.mesh(), device_, loading);
    dist::agree(world_, [&] { generation.encoder = models::make_text_encoder(loading.model, parallel); });
    const configs::Offload offload = orders.pipeline.components.at("text_encoder").offload;
    generation.texts.cache_bytes = text_cache_bytes(offload);
    if (offload == configs::Offload::stages) {
      generation.spool = spool_texts(*generation.encoder);
      generation.encoder.reset();
      malloc_trim(0);
      spdlog::debug("the text encoder's memory is given back: {} resident",
                    gigabytes(process_memory().resident));
      generation.texts.embedding = [spool = generation.spool](const std::string& text) {
        at::Tensor embedding;
        models::translate_errors([&] { embedding = spool->read(text); });
        return embedding;
      };
    } else {
      generation.texts.ahead = true;
      generation.texts.embedding = [encoder = generation.encoder.get()](const std::string& text) {
        return encoder->encode_text(text);
      };
    }
    load_stage(world_, *orders.load, LoadStage::clips, parallel.mesh(), device_, loading);
    dist::agree(world_, [&] {
      generation.generator = models::make_generator(loading.model, orders.pipeline, parallel);
    });
  }

  std::shared_ptr<const TextSpool> spool_texts(models::TextEncoder& encoder) {
    std::vector<std::string> texts;
    std::string folder;
    dist::agree(world_, [&] {
      if (!leads()) return;
      texts = authority_->texts_left();
      folder = authority_->spool_folder();
      spool_folder_.emplace(folder);
    });
    folder = world_.broadcast_text(folder, 0, dist::Purpose::plan);
    return std::make_shared<const TextSpool>(encode_texts(world_, encoder, texts, folder));
  }

  /// Says what the largest rank came to, beside what was planned.
  void tell_peak() {
    const auto peak = static_cast<std::uint64_t>(
        world_.max(static_cast<std::int64_t>(process_memory().peak), dist::Purpose::progress));
    if (!leads()) return;
    spdlog::info("peak memory {} on the largest rank{}", gigabytes(peak),
                 planned_bytes_ == 0 ? "" : ", at most " + gigabytes(planned_bytes_) + " planned");
  }

  void work(const Orders& orders, Generation& generation, const StorePlan& plan) {
    const dist::Mesh mesh{world_.size(), orders.pipeline.parallel};
    std::optional<GroupStore> store;
    const int group = mesh.coordinate(world_.rank(), dist::Axis::dp);
    dist::agree(world_, [&] {
      store.emplace(RunDirectory{plan.run_directory}, plan.epoch, group, plan.output, plan.provenance);
    });

    std::optional<Progress> progress;
    std::optional<Coordinator> coordinator;
    if (leads()) {
      progress.emplace(authority_->total(), authority_->already_done(), isatty(STDERR_FILENO) == 1,
                       write_progress);
      coordinator.emplace(items_, authority_->items(), authority_->pending(), group_roots(mesh),
                          orders.pipeline.text_window, *progress);
    }
    const std::optional<Error> failure = dist::failure_of([&] {
      GroupRunner{items_, generation.texts, *generation.generator, *store, orders.pipeline, plan.output}
          .run();
    });
    if (coordinator) {
      coordinator->finish();
      progress->finish();
    }
    dist::agree_on(world_, failure);
  }

  static std::set<int> group_roots(const dist::Mesh& mesh) {
    std::set<int> roots;
    for (int group = 0; group < mesh.degree(dist::Axis::dp); ++group) roots.insert(mesh.rank_at({group}));
    return roots;
  }

  dist::Communicator world_;
  dist::Communicator items_;  ///< the coordinator's and the groups' own
  RunOptions options_;
  at::Device device_ = at::kCPU;
  std::optional<Authority> authority_;
  std::optional<SpoolFolder> spool_folder_;  ///< on rank 0
  std::uint64_t planned_bytes_ = 0;          ///< of the largest rank; on rank 0; 0: not known
};

}  // namespace

int run_job(const dist::MpiSession& mpi, const RunOptions& options) {
  Run run{mpi, options};
  try {
    const Outcome outcome = run.run();
    if (!run.leads()) return 0;
    spdlog::info("{}", outcome.reason);
    if (options.json) {
      write_results(options.out, [&](std::ostream& out) {
        out << to_json(outcome).dump(2) << "\n";
        return 0;
      });
    }
    return outcome.exit;
  } catch (const Error& error) {
    if (!run.leads()) return 0;
    std::cerr << "ditmill: " << error.what() << "\n";
    run_command([&] {
      run.abandon(error);
      return 0;
    });
    return exit_code(error.category());
  }
}

}  // namespace ditmill::jobs

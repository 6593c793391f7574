#include "jobs/engine/run.h"

#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/dump.h"
#include "configs/size_text.h"
#include "dist/comm/agree.h"
#include "dist/library_versions.h"
#include "dist/liveness/fatal_signals.h"
#include "dist/liveness/rank_state.h"
#include "dist/liveness/sentinel.h"
#include "jobs/engine/authority/authority.h"
#include "jobs/engine/authority/orders.h"
#include "jobs/engine/authority/store_plan.h"
#include "jobs/engine/items/early_ending.h"
#include "jobs/engine/items/items_phase.h"
#include "jobs/engine/loading/generation.h"
#include "jobs/engine/loading/loading.h"
#include "jobs/engine/loading/memory_check.h"
#include "jobs/engine/loading/text_stage.h"
#include "jobs/engine/logging.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/engine/ranks/rank_mesh.h"
#include "jobs/engine/ranks/teamwork.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/plan/memory/memory_plan.h"
#include "jobs/results/files/output.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::engine {
namespace {

/// Rank 0's text on every rank.
nlohmann::json broadcast_json(const dist::Communicator& comm, const nlohmann::json& json) {
  const std::string text = comm.rank() == 0 ? json.dump() : std::string{};
  return nlohmann::json::parse(comm.broadcast_text(text, 0, dist::Purpose::plan));
}

/// By this clock now, so that nobody else's is needed.
std::optional<double> seconds_left(const slurm::Allocation& allocation) {
  if (!allocation.end_time) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(*allocation.end_time) - std::chrono::duration<double>(now).count();
}

/// A run on one rank; `authority` is there on rank 0 only.
class Run {
 public:
  Run(const dist::MpiSession& mpi, const plan::RunOptions& options)
      : world_(mpi.world()),
        items_(mpi.world()),
        options_(options),
        state_(world_.rank()),
        early_ending_(world_.rank(), std::chrono::seconds{options.grace},
                      [this](const run::Outcome& outcome) { tell_outcome(outcome); }),
        sentinel_(mpi.world(), state_, {.watchdog = std::chrono::seconds{options.watchdog}},
                  {.also_progress =
                       [this] {
                         const dist::Communicator* placed = weights_way_;
                         return placed == nullptr ? 0 : placed->traffic(dist::Purpose::weights).calls;
                       },
                   .obey = [this](const dist::Order& order) { early_ending_.obey(order); },
                   .tick = [this] { early_ending_.tick(); }}) {}

  bool leads() const noexcept { return world_.rank() == 0; }

  /// Returns how the run ended, on rank 0. Throws the agreed error.
  run::Outcome run() {
    Orders orders = open();
    std::optional<Loading> loading;
    Generation generation;
    if (orders.load) {
      device_ = choose_rank_device(world_, options_.device);
      look_at_cpus();
    }
    if (orders.pipeline.parallel.automatic || (orders.load && takes_turns(*orders.load)))
      choose_by_memory(orders);
    connect(orders.pipeline.parallel);
    if (orders.load) {
      check_room();
      loading.emplace();
      generation = load(*orders.load, *loading);
    } else if (orders.noop_seconds) {
      generation = rehearse(*orders.noop_seconds);
    }
    const StorePlan store = settle(loading ? &*loading : nullptr);
    run::EarlyEnd early;
    if (generation.generator) early = work(orders.pipeline, generation, store);
    tell_peak();
    spool_folder_.reset();
    run::Outcome outcome;
    rank_0_does("writing the index");
    dist::agree(world_, [&] {
      if (!authority_) return;
      outcome = authority_->conclude(nullptr, early);
      if (options_.selection.pilot > 0 && outcome.exit == 0) tell_pilot(authority_->finish_pilot());
    });
    return outcome;
  }

  /// Says how the run ended, on rank 0.
  void tell_outcome(const run::Outcome& outcome) const {
    spdlog::info("{}", outcome.reason);
    if (!options_.json) return;
    results::write_results(options_.out, [&](std::ostream& out) {
      out << to_json(outcome).dump(2) << "\n";
      return 0;
    });
  }

  void tell_pilot(const std::string& text) const {
    if (options_.json) {
      spdlog::info("{}", text);
    } else {
      std::cout << text << std::flush;
    }
  }

  /// Leaves the run directory in order after an error, on rank 0.
  void abandon(const Error& error) {
    if (authority_ && !authority_->taken_over()) authority_->conclude(&error);
  }

  /// Ends all ranks with an error that only this one has met.
  [[noreturn]] void fail(const Error& error) { sentinel_.fail(error); }

 private:
  Orders open() {
    rank_0_does("reading the manifest");
    dist::agree(world_, [&] { set_up_logging(world_.rank(), options_.log_level, options_.log_file); });
    const slurm::Allocation allocation = slurm::read_allocation();
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
                .noop_seconds = authority_->model().noop_seconds,
                .status_folder = authority_->status_folder(),
                .seconds_left = seconds_left(allocation)};
      if (authority_->needs_weights()) orders.load = authority_->load_plan();
      early_ending_.can_conclude(*authority_);
      if (const std::optional<std::string> file = authority_->run().told_to_stop()) {
        early_ending_.end_all(*file + " is there: remove it to go on");
      }
    });
    orders = orders_from_json(broadcast_json(world_, leads() ? to_json(orders) : nlohmann::json{}));
    if (orders.seconds_left) early_ending_.end_within(*orders.seconds_left);
    publish_state(orders.status_folder);
    at::set_num_threads(orders.threads > 0 ? orders.threads : threads);
    spdlog::debug("{} threads", at::get_num_threads());
    return orders;
  }

  /// A state that cannot be read by others takes nothing from the job itself.
  void publish_state(const std::string& folder) {
    const std::optional<Error> failure = dist::failure_of([&] { state_.publish(folder); });
    if (failure) spdlog::warn("no status file, so a killed rank may not be named: {}", failure->what());
  }

  void rank_0_does(const std::string& what) {
    if (leads()) {
      state_.set(what);
    } else {
      state_.wait("waiting for rank 0: " + what);
    }
  }

  StorePlan settle(const Loading* loading) {
    rank_0_does("deciding what is left to do");
    StorePlan plan;
    dist::agree(world_, [&] {
      if (!leads()) return;
      authority_->settle(loading, device_);
      early_ending_.can_conclude(*authority_);
      plan = authority_->store_plan();
    });
    return store_plan_from_json(broadcast_json(world_, leads() ? to_json(plan) : nlohmann::json{}));
  }

  void connect(const configs::ParallelConfig& degrees) {
    state_.set("connecting the ranks");
    mesh_.emplace(connect_ranks(world_, degrees, device_));
    weights_way_ = &mesh_->ranks;
    items_ = items_.split(0, mesh_->ranks.rank(), dist::Purpose::plan);
  }

  /// Ranks may run on other CPUs than rank 0; on a device the CPU computes nothing.
  void look_at_cpus() {
    const models::CpuKind here = device_.is_cuda() ? models::CpuKind{} : models::this_cpu();
    const auto any = [&](bool it) { return world_.max(it ? 1 : 0, dist::Purpose::plan) != 0; };
    const models::CpuKind worst{.wide = any(here.wide), .native_bfloat16 = !any(!here.native_bfloat16)};
    dist::agree(world_, [&] {
      if (leads()) authority_->take_cpu(worst);
    });
  }

  /// `parallel: auto`, and whether transformers take turns: what bounds every rank decides, on rank 0.
  void choose_by_memory(Orders& orders) {
    const std::vector<std::string> texts =
        world_.gather_text(to_json(memory_here()).dump(), 0, dist::Purpose::plan);
    dist::agree(world_, [&] {
      if (!leads()) return;
      std::vector<plan::RankMemory> ranks;
      for (const std::string& text : texts) {
        ranks.push_back(plan::rank_memory_from_json(nlohmann::json::parse(text)));
      }
      authority_->choose_by_memory(ranks);
      orders.pipeline = authority_->pipeline();
      if (orders.load) orders.load = authority_->load_plan();
    });
    orders = orders_from_json(broadcast_json(world_, leads() ? to_json(orders) : nlohmann::json{}));
  }

  plan::RankMemory memory_here() const { return device_.is_cuda() ? on_device(device_) : plan::this_rank(); }

  /// Refuses a job that the machines have no memory for, before a byte of weights is read.
  void check_room() {
    state_.set("checking the memory");
    std::optional<MemoryDemand> demand;
    dist::agree(world_, [&] {
      if (leads() && !options_.skip_memory_check) demand = authority_->memory_demand();
    });
    planned_bytes_ = check_memory(mesh_->ranks, demand, memory_here());
    if (!device_.is_cuda()) return;
    if (demand) {
      demand = MemoryDemand{
          .plans = demand->plans.beside_devices(), .alternatives = {}, .loading = demand->loading};
    }
    check_memory(mesh_->ranks, demand, plan::this_rank());
  }

  Generation load(const LoadPlan& plan, Loading& loading) {
    return load_generation(plan,
                           {.world = &world_,
                            .mesh = &*mesh_,
                            .device = device_,
                            .seams = seams_,
                            .texts_to_spool = [this] { return texts_to_spool(); }},
                           loading);
  }

  TextsToSpool texts_to_spool() {
    TextsToSpool spool{.texts = authority_->texts_left(), .folder = authority_->spool_folder()};
    spool_folder_.emplace(spool.folder);
    return spool;
  }

  run::EarlyEnd work(const configs::PipelineConfig& pipeline, const Generation& generation,
                     const StorePlan& plan) {
    return work_on_items({.world = &world_,
                          .items = &items_,
                          .parallel = &mesh_->parallel,
                          .authority = authority_ ? &*authority_ : nullptr,
                          .early_ending = &early_ending_,
                          .sentinel = &sentinel_,
                          .state = &state_,
                          .seams = seams_,
                          .max_fails = options_.max_fails},
                         generation, pipeline, plan);
  }

  /// Says what the largest rank came to, beside what was planned.
  void tell_peak() {
    const auto peak = static_cast<std::uint64_t>(
        world_.max(static_cast<std::int64_t>(plan::process_memory().peak), dist::Purpose::progress));
    if (!leads()) return;
    spdlog::info("peak memory {} on the largest rank{}", gigabytes(peak),
                 planned_bytes_ == 0 ? "" : ", at most " + gigabytes(planned_bytes_) + " planned");
  }

  dist::Communicator world_;
  dist::Communicator items_;  ///< the coordinator's and the groups' own; in the mesh's order once it is known
  std::optional<RankMesh> mesh_;  ///< outlives the sentinel, whose thread looks at weights_way_
  std::atomic<const dist::Communicator*> weights_way_ = nullptr;  ///< by which weights come, for the watchdog
  plan::RunOptions options_;
  dist::RankState state_;
  const dist::FatalSignals fatal_signals_{state_};
  EarlyEnding early_ending_;
  const dist::Tell tell_ = [this](std::string_view doing) { state_.set(doing); };
  dist::Sentinel sentinel_;
  const GroupSeams seams_{.tell = tell_,
                          .wait = [this](std::string_view what) { state_.wait(what); },
                          .abandon = [this](const Error& error) { sentinel_.fail(error); },
                          .hold = [this](std::span<const std::string> ids) { state_.take(ids); }};
  at::Device device_ = at::kCPU;
  std::optional<Authority> authority_;
  std::optional<SpoolFolder> spool_folder_;  ///< on rank 0
  std::uint64_t planned_bytes_ = 0;          ///< of the largest rank; on rank 0; 0: not known
};

/// Says on rank 0 what ended the job; returns its exit code.
int end_with(Run& run, const Error& error) {
  std::cerr << "ditmill: " << error.what() << "\n";
  results::run_command([&] {
    run.abandon(error);
    return 0;
  });
  return exit_code(error.category());
}

}  // namespace

int run_job(const dist::MpiSession& mpi, const plan::RunOptions& options) {
  Run run{mpi, options};
  run::Outcome outcome;
  try {
    outcome = run.run();
  } catch (const dist::AgreedError& error) {
    return run.leads() ? end_with(run, error) : 0;
  } catch (...) {
    run.fail(*dist::failure_of([] { throw; }));
  }
  if (!run.leads()) return 0;
  try {
    run.tell_outcome(outcome);
    return outcome.exit;
  } catch (const Error& error) {
    return end_with(run, error);
  }
}

}  // namespace ditmill::jobs::engine

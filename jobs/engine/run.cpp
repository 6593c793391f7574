#include "jobs/engine/run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "configs/dump.h"
#include "dist/agree.h"
#include "dist/library_versions.h"
#include "dist/liveness/fatal_signals.h"
#include "dist/liveness/rank_state.h"
#include "dist/liveness/sentinel.h"
#include "dist/mesh.h"
#include "dist/parallel_context.h"
#include "dist/placement.h"
#include "jobs/cli/output.h"
#include "jobs/engine/authority.h"
#include "jobs/engine/early_ending.h"
#include "jobs/engine/items/coordinator.h"
#include "jobs/engine/items/group_runner.h"
#include "jobs/engine/items/noop_generator.h"
#include "jobs/engine/items/progress.h"
#include "jobs/engine/items/traffic_text.h"
#include "jobs/engine/loading/loading.h"
#include "jobs/engine/loading/memory_check.h"
#include "jobs/engine/loading/rank_device.h"
#include "jobs/engine/loading/text_stage.h"
#include "jobs/engine/logging.h"
#include "jobs/engine/orders.h"
#include "jobs/engine/threads.h"
#include "jobs/memory/memory_limit.h"
#include "jobs/memory/memory_plan.h"
#include "jobs/store/free_space.h"
#include "jobs/store/group_store.h"
#include "slurm/allocation.h"

namespace ditmill::jobs {
namespace {

/// What turns items into clips on this rank.
struct Generation {
  std::unique_ptr<models::TextEncoder> encoder;  ///< null with offload: stages
  std::shared_ptr<const TextSpool> spool;        ///< with offload: stages
  TextSource texts;                              ///< of one of these
  std::unique_ptr<models::ClipGenerator> generator;
};

/// Rank 0's text on every rank.
nlohmann::json broadcast_json(const dist::Communicator& comm, const nlohmann::json& json) {
  const std::string text = comm.rank() == 0 ? json.dump() : std::string{};
  return nlohmann::json::parse(comm.broadcast_text(text, 0, dist::Purpose::plan));
}

/// While items are worked on, however that ends.
class ItemsPhase {
 public:
  ItemsPhase(EarlyEnding& ending, GroupRunner& runner, Coordinator* coordinator) : ending_(ending) {
    ending_.begin_items(runner, coordinator);
  }
  ItemsPhase(const ItemsPhase&) = delete;
  ItemsPhase& operator=(const ItemsPhase&) = delete;
  ~ItemsPhase() { ending_.end_items(); }

 private:
  EarlyEnding& ending_;
};

/// By this clock now, so that nobody else's is needed.
std::optional<double> seconds_left(const slurm::Allocation& allocation) {
  if (!allocation.end_time) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(*allocation.end_time) - std::chrono::duration<double>(now).count();
}

void write_progress(const std::string& text) { std::cerr << text << std::flush; }

/// A run on one rank; `authority` is there on rank 0 only.
class Run {
 public:
  Run(const dist::MpiSession& mpi, const RunOptions& options)
      : world_(mpi.world()),
        items_(mpi.world()),
        options_(options),
        state_(world_.rank()),
        early_ending_(world_.rank(), std::chrono::seconds{options.grace},
                      [this](const Outcome& outcome) { tell_outcome(outcome); }),
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
  Outcome run() {
    Orders orders = open();
    std::optional<Loading> loading;
    Generation generation;
    if (orders.load) device_ = choose_rank_device(world_, options_.device);
    if (orders.pipeline.parallel.automatic) choose_layout(orders);
    connect(orders.pipeline.parallel);
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
    rank_0_does("writing the index");
    dist::agree(world_, [&] {
      if (!authority_) return;
      outcome = authority_->conclude(nullptr, early_);
      if (options_.selection.pilot > 0 && outcome.exit == 0) tell_pilot(authority_->finish_pilot());
    });
    return outcome;
  }

  /// Says how the run ended, on rank 0.
  void tell_outcome(const Outcome& outcome) const {
    spdlog::info("{}", outcome.reason);
    if (!options_.json) return;
    write_results(options_.out, [&](std::ostream& out) {
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

  /// Gives every rank its place in the mesh, so that the teams that talk most stay inside a machine, and
  /// makes the teams; on devices their tensors travel by NCCL.
  void connect(const configs::ParallelConfig& degrees) {
    state_.set("connecting the ranks");
    const dist::Mesh mesh{world_.size(), degrees};
    const dist::Placement placement = dist::place_ranks(mesh, machines_of(world_));
    for (const dist::Axis axis : {dist::Axis::tp, dist::Axis::ulysses}) {
      if (!leads() || placement.crossing_on(axis) == 0) continue;
      spdlog::warn(
          "{} teams of {} have ranks on several machines: a smaller degree would keep them inside one",
          placement.crossing_on(axis), dist::name(axis));
    }
    const int place = placement.mesh_ranks[static_cast<std::size_t>(world_.rank())];
    placed_.emplace(world_.split(0, place, dist::Purpose::plan));
    weights_way_ = &*placed_;
    items_ = items_.split(0, place, dist::Purpose::plan);
    parallel_.emplace(mesh, *placed_, tensor_carrier(device_));
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
    state_.set("checking the memory");
    std::optional<MemoryDemand> demand;
    dist::agree(world_, [&] {
      if (leads() && !options_.skip_memory_check) demand = authority_->memory_demand();
    });
    planned_bytes_ = check_memory(*placed_, demand, memory_here());
  }

  /// Loads the model, the text encoder first. With offload: stages all texts are encoded then, and its memory
  /// is given back before the rest is loaded.
  void load(const Orders& orders, Loading& loading, Generation& generation) {
    const dist::ParallelContext& parallel = *parallel_;
    load_stage(*placed_, *orders.load, LoadStage::text, parallel.mesh(), device_, loading, tell_);
    state_.set("building the text encoder");
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
      generation.texts.embedding = [this, encoder = generation.encoder.get()](const std::string& text) {
        state_.set("encoding a text");
        return encoder->encode_text(text);
      };
    }
    load_stage(*placed_, *orders.load, LoadStage::clips, parallel.mesh(), device_, loading, tell_);
    state_.set("building the generator");
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
    return std::make_shared<const TextSpool>(
        encode_texts(*placed_, *parallel_, encoder, texts, folder, seams_));
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
    std::optional<GroupStore> store;
    dist::agree(world_, [&] {
      if (parallel_->place(dist::Team::clip) != 0) return;
      store.emplace(RunDirectory{plan.run_directory}, plan.epoch, parallel_->index(dist::Axis::dp),
                    plan.output, plan.provenance, SealLimits{.behind = true});
    });

    std::optional<Progress> progress;
    std::optional<Coordinator> coordinator;
    if (leads()) {
      progress.emplace(authority_->items().size(), authority_->counts().done, isatty(STDERR_FILENO) == 1,
                       write_progress);
      usual_part_ = authority_->usual_part();
      coordinator.emplace(Coordinator::Parts{.comm = &items_,
                                             .items = &authority_->items(),
                                             .pending = authority_->pending(),
                                             .group_roots = group_roots(parallel_->mesh()),
                                             .window = orders.pipeline.text_window,
                                             .max_fails = options_.max_fails,
                                             .progress = &*progress,
                                             .stop = &early_ending_.stop(),
                                             .every_second = [this] { stop_if_need_be(); },
                                             .after_a_drop = [this] { early_ending_.end_after_a_drop(); }});
    }
    state_.set("starting on the items");
    state_.join(parallel_->index(dist::Axis::dp));
    GroupRunner runner{*parallel_,
                       {.coordinator = &items_,
                        .store = store ? &*store : nullptr,
                        .texts = generation.texts,
                        .generator = generation.generator.get(),
                        .seams = seams_,
                        .stop = &early_ending_.stop()},
                       orders.pipeline,
                       plan.output};
    const ItemsPhase items_phase{early_ending_, runner, coordinator ? &*coordinator : nullptr};
    const auto began = std::chrono::steady_clock::now();
    const std::optional<Error> failure = dist::failure_of([&] { runner.run(); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    state_.wait("waiting for the other ranks to finish their items");
    if (coordinator) {
      coordinator->finish();
      progress->finish();
      note_early_end(*coordinator);
    }
    dist::agree_on(world_, failure);
    const std::string traffic = traffic_text(world_, *parallel_, seconds);
    if (!traffic.empty()) spdlog::info("between ranks: {}", traffic);
  }

  /// Looks, on rank 0, for what is to stop the run without a signal.
  void stop_if_need_be() {
    if (early_ending_.stop().stopped()) return;
    std::optional<std::string> why;
    const std::optional<Error> failure = dist::failure_of([&] { why = reason_to_stop(); });
    if (failure) spdlog::warn("{}; it is looked at again in a second", failure->what());
    if (why) sentinel_.order({.kind = dist::Order::Kind::finish, .why = *why});
  }

  std::optional<std::string> reason_to_stop() const {
    const RunDirectory& run = authority_->run();
    if (const std::optional<std::string> file = run.told_to_stop()) return *file + " is there";
    return shortage_of_room(free_bytes(run.path()), usual_part_, parallel_->mesh().degree(dist::Axis::dp));
  }

  void note_early_end(const Coordinator& coordinator) {
    if (const auto stop = early_ending_.stop().stopped()) early_.stopped = stop->why;
    if (coordinator.out_of_time() && early_.stopped.empty()) {
      early_.stopped = "no further item would be finished before the time limit";
    }
    if (coordinator.reached_max_fails()) early_.max_fails = fmt::format("--max-fails {}", options_.max_fails);
  }

  static std::set<int> group_roots(const dist::Mesh& mesh) {
    std::set<int> roots;
    for (int group = 0; group < mesh.degree(dist::Axis::dp); ++group) roots.insert(mesh.rank_at({group}));
    return roots;
  }

  dist::Communicator world_;
  dist::Communicator items_;  ///< the coordinator's and the groups' own; in the mesh's order once it is known
  std::optional<dist::Communicator> placed_;                      ///< all ranks, in the mesh's order
  std::atomic<const dist::Communicator*> weights_way_ = nullptr;  ///< by which weights come, for the watchdog
  RunOptions options_;
  std::optional<dist::ParallelContext> parallel_;
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
  EarlyEnd early_;                           ///< on rank 0
  std::uint64_t usual_part_ = 0;             ///< bytes; on rank 0
  std::optional<SpoolFolder> spool_folder_;  ///< on rank 0
  std::uint64_t planned_bytes_ = 0;          ///< of the largest rank; on rank 0; 0: not known
};

/// Says on rank 0 what ended the job; returns its exit code.
int end_with(Run& run, const Error& error) {
  std::cerr << "ditmill: " << error.what() << "\n";
  run_command([&] {
    run.abandon(error);
    return 0;
  });
  return exit_code(error.category());
}

}  // namespace

int run_job(const dist::MpiSession& mpi, const RunOptions& options) {
  Run run{mpi, options};
  Outcome outcome;
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

}  // namespace ditmill::jobs

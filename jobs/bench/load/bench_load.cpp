#include "jobs/bench/load/bench_load.h"

#include <ATen/ATen.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "configs/error.h"
#include "configs/list_text.h"
#include "configs/suggest.h"
#include "dist/comm/agree.h"
#include "dist/liveness/sentinel.h"
#include "dist/weights/load.h"
#include "dist/weights/work_of_ranks.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/bench/bench_state.h"
#include "jobs/bench/load/load_limits.h"
#include "jobs/bench/load/load_model.h"
#include "jobs/bench/load/load_peers.h"
#include "jobs/bench/load/load_report.h"
#include "jobs/bench/load/load_sums.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/output.h"

namespace ditmill::jobs::bench {
namespace {

using configs::Strategy;

constexpr std::array<Strategy, 4> all_strategies{Strategy::independent, Strategy::broadcast,
                                                 Strategy::striped, Strategy::shared};

/// Bytes that this process alone holds and has written to; 0 where the kernel does not tell.
std::uint64_t private_dirty() {
  std::ifstream file{"/proc/self/smaps_rollup"};
  std::string line;
  while (std::getline(file, line)) {
    constexpr std::string_view field = "Private_Dirty:";
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
  }
  return 0;
}

std::uint64_t faults_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

/// Looks at every page of all tensors, so that nothing is left to be fetched later; gives their bytes.
std::uint64_t look_at_all(const dist::TensorMap& tensors) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    bytes += tensor.nbytes();
    if (tensor.is_cpu()) look_at({static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()});
  }
  return bytes;
}

class LoadBench {
 public:
  LoadBench(const dist::Communicator& world, const LoadedPlans& plans, const BenchLoadOptions& options,
            dist::RankState& state)
      : state_(state),
        world_(world),
        plans_(plans),
        options_(options),
        device_(engine::choose_rank_device(world, options.device)),
        mesh_(world.size(), plans.parallel),
        nodes_(world, plan::machine_id()) {
    dist::agree(world_, [this] { choose_strategies(); });
  }

  void run() {
    state_.set("probing what memory, disk and links allow");
    const double load = load_average();
    LoadLimits limits;
    for (const dist::ComponentPlan& plan : plans_.components) {
      // Of the largest: small ones tell more of the clock.
      if (&plan == largest()) limits = probe_limits(nodes_, plan, options_.cold);
    }
    std::optional<LoadPeers> peers;
    if (options_.peers) {
      peers.emplace(nodes_, plans_, device_);
      skipped_.insert(skipped_.end(), peers->skipped().begin(), peers->skipped().end());
    }
    std::vector<LoadRun> runs;
    for (int repeat = -options_.warmup; repeat < options_.repeats; ++repeat) {
      const auto add = [&](LoadRun run) {
        run.repeat = repeat;
        if (repeat >= 0) runs.push_back(std::move(run));
      };
      for (const Strategy strategy : strategies_) {
        drop_if_cold();
        add(load_once(strategy));
      }
      if (!peers) continue;
      for (const std::string& name : peers->names()) {
        drop_if_cold();
        add(peers->load(name));
      }
    }
    const LoadSetting setting{.model = options_.model,
                              .bytes = plans_.bytes,
                              .nodes = nodes_.count(),
                              .ranks = world_.size(),
                              .cold = options_.cold,
                              .hash = options_.hash,
                              .device = device_.is_cuda() ? "cuda" : "cpu",
                              .load = load};
    dist::agree(world_, [&] {
      if (world_.rank() > 0) return;
      results::write_results(options_.out, [&](std::ostream& out) {
        out << (options_.json ? bench_load_json(setting, limits, runs, skipped_).dump(2) + "\n"
                              : bench_load_table(setting, limits, runs, skipped_));
        return 0;
      });
    });
  }

 private:
  const dist::ComponentPlan* largest() const {
    return &*std::ranges::max_element(plans_.components, {}, &dist::ComponentPlan::file_bytes);
  }

  void choose_strategies() {
    std::vector<std::string> wanted;
    std::istringstream words{options_.strategy};
    for (std::string word; std::getline(words, word, ',');) wanted.push_back(word);
    for (const Strategy strategy : all_strategies) {
      const auto found = std::ranges::find(wanted, configs::name(strategy));
      if (found == wanted.end() && options_.strategy != "all") continue;
      if (found != wanted.end()) wanted.erase(found);
      const std::string why = why_not(strategy);
      if (why.empty()) {
        strategies_.push_back(strategy);
      } else {
        skipped_.push_back({std::string{configs::name(strategy)}, why});
      }
    }
    if (wanted.empty() || options_.strategy == "all") return;
    std::vector<std::string> names;
    for (const Strategy strategy : all_strategies) names.emplace_back(configs::name(strategy));
    throw Error{std::vector<Problem>{{.message = "--strategy: no way to load",
                                      .expected = "all, or some of " + some_of(names, names.size()),
                                      .got = printable(wanted.front(), 80),
                                      .nearest = configs::nearest(wanted.front(), names)}}};
  }

  std::string why_not(Strategy strategy) const {
    if (strategy == Strategy::striped && nodes_.count() == 1) return "one machine has one reader: broadcast";
    if (strategy != Strategy::shared) return {};
    if (device_ != at::kCPU) return "each device has its own memory";
    return plans_.parallel.fsdp ? "with fsdp each rank has other bytes" : "";
  }

  void drop_if_cold() const {
    if (!options_.cold) return;
    world_.barrier(dist::Purpose::agreement);  // nobody has the files mapped any more
    dist::agree(world_, [&] {
      if (nodes_.local().rank() > 0) return;
      for (const dist::ComponentPlan& plan : plans_.components) drop_from_cache(plan);
    });
  }

  LoadRun load_once(Strategy strategy) {
    const dist::LoadOptions how{.strategy = strategy,
                                .hash = options_.hash,
                                .device = device_,
                                .read_again = [this](const Error& error) {
                                  if (world_.rank() == 0)
                                    spdlog::warn("{}; it is read once more", error.what());
                                }};
    LoadRun run;
    run.strategy = configs::name(strategy);
    run.readers = strategy == Strategy::broadcast ? Readers::one
                  : strategy == Strategy::striped ? Readers::a_part_each
                                                  : Readers::each;
    const std::uint64_t given = nodes_.weight_bytes_given();
    const std::uint64_t dirty = private_dirty();
    const std::uint64_t faults = faults_so_far();
    std::vector<dist::StreamedComponent> loaded;
    dist::LoadWork work;
    std::uint64_t held = 0;
    const auto load_one = [&](const dist::ComponentPlan& plan) {
      state_.set("loading " + plan.name + ", " + std::string{configs::name(strategy)});
      loaded.push_back(dist::load_component(nodes_, plan, mesh_, how));
      held += look_at_all(loaded.back().tensors);
      finish_work(device_);
      work += loaded.back().work;
    };
    double first = 0;
    run.last_rank = seconds_on_all(world_, device_, [&] {
      dist::timed(first, [&] { load_one(plans_.components.front()); });
      std::ranges::for_each(plans_.components.begin() + 1, plans_.components.end(), load_one);
    });
    run.first_component = most_of(world_, first);
    const std::uint64_t now = private_dirty();
    run.private_growth = most_of(world_, now > dirty ? now - dirty : 0);
    run.page_faults = sum_of(world_, faults_so_far() - faults);
    run.network_bytes = sum_of(world_, nodes_.weight_bytes_given() - given);
    run.held_bytes = sum_of(world_, held);
    run.work = dist::work_of_ranks(world_, work);
    loaded.clear();
    ::malloc_trim(0);
    return run;
  }

  dist::RankState& state_;
  const dist::Communicator& world_;
  const LoadedPlans& plans_;
  const BenchLoadOptions& options_;
  at::Device device_;
  dist::Mesh mesh_;
  dist::Nodes nodes_;
  std::vector<Strategy> strategies_;
  std::vector<SkippedStrategy> skipped_;
};

}  // namespace

int bench_load(const dist::MpiSession& mpi, const BenchLoadOptions& options) {
  const dist::Communicator world = mpi.world();
  dist::RankState state(world.rank());
  dist::Sentinel sentinel(mpi.world(), state);
  publish_state(world, state);
  state.set("planning what to load");
  try {
    LoadedPlans plans;
    dist::agree(world, [&] { plans = plan_load(options); });
    LoadBench{world, plans, options, state}.run();
  } catch (const dist::AgreedError&) {
    // Rank 0 tells it.
    if (world.rank() == 0) throw;
  } catch (...) {
    sentinel.fail(*dist::failure_of([] { throw; }));
  }
  return 0;
}

}  // namespace ditmill::jobs::bench

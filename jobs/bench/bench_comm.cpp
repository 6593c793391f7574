#include "jobs/bench/bench_comm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/comm/nccl.h"
#include "dist/device.h"
#include "dist/library_versions.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/bench/bench_collectives.h"
#include "jobs/bench/bench_comm_report.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/output.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::bench {
namespace {

/// A sample is at least so long, so that the clock and the start of the ranks are small beside it.
constexpr double shortest_sample = 5e-3;
constexpr int most_calls_a_sample = 50;

void expect_right(const BenchCase& each, const std::vector<at::Tensor>& got) {
  if (!each.expected) return;
  const std::vector<at::Tensor> expected = each.expected();
  const bool right = std::ranges::equal(got, expected, [](const at::Tensor& a, const at::Tensor& b) {
    return a.sizes() == b.sizes() && at::equal(a, b);
  });
  if (right) return;
  throw Error{Category::internal,
              "check " + std::string(each.name) + " of " + std::to_string(each.bytes) + " bytes",
              {},
              Expected{"the tensors of all ranks"},
              Got{"other values"}};
}

/// Times the cases, each once a repeat, so that a load on the machine meets all alike.
class CommBench {
 public:
  CommBench(const BenchTeam& team, std::uint64_t max_bytes)
      : team_(team), cases_(bench_cases(team, max_bytes)) {}

  std::vector<BenchResult> run(int repeats) {
    std::vector<BenchResult> results;
    std::vector<int> calls;
    for (const BenchCase& each : cases_) {
      results.push_back(check(each));
      calls.push_back(calls_for(each));
    }
    std::vector<std::vector<double>> samples(cases_.size());
    for (int repeat = 0; repeat < repeats; ++repeat) {
      for (std::size_t i = 0; i < cases_.size(); ++i) {
        samples[i].push_back(sample(cases_[i], calls[i]));
      }
    }
    for (std::size_t i = 0; i < cases_.size(); ++i) results[i].seconds = spread_of(std::move(samples[i]));
    return results;
  }

 private:
  /// Runs a case once: warms up, checks what it gives, counts its bytes.
  BenchResult check(const BenchCase& each) const {
    const dist::Traffic before = team_.tensors.traffic(each.why);
    const std::vector<at::Tensor> got = each.run();
    const dist::Traffic traffic = team_.tensors.traffic(each.why) - before;
    dist::agree(team_.host, [&] { expect_right(each, got); });
    const auto most = [this](std::uint64_t value) {
      return static_cast<std::uint64_t>(
          team_.host.max(static_cast<std::int64_t>(value), dist::Purpose::agreement));
    };
    return {.kind = each.kind,
            .name = std::string(each.name),
            .bytes = each.bytes,
            .least_traffic = each.least_traffic,
            .one_way = each.one_way,
            .given = most(traffic.bytes),
            .exchanges = most(traffic.calls),
            .seconds = {}};
  }

  double sample(const BenchCase& each, int calls) const {
    return seconds_on_all(team_.host, team_.device,
                          [&] {
                            for (int call = 0; call < calls; ++call) each.run();
                          }) /
           calls;
  }

  /// Equal on all ranks, because the time is.
  int calls_for(const BenchCase& each) const {
    const double one = sample(each, 1);
    return static_cast<int>(
        std::clamp(shortest_sample / std::max(one, 1e-9), 1.0, static_cast<double>(most_calls_a_sample)));
  }

  BenchTeam team_;
  std::vector<BenchCase> cases_;
};

std::map<std::string, int> hosts_of(const dist::Communicator& world) {
  std::map<std::string, int> hosts;
  for (const std::string& host : world.gather_text(plan::machine_name(), 0, dist::Purpose::plan))
    ++hosts[host];
  return hosts;
}

void measure(const dist::Communicator& world, const BenchCommOptions& options) {
  dist::agree(world, [&] {
    if (world.size() > 1) return;
    throw Error{Category::usage,
                "bench comm",
                {},
                Expected{"at least 2 ranks"},
                Got{"1"},
                "start it by mpirun -n 2, or by srun --mpi=pmix -n 2"};
  });
  const slurm::Allocation allocation = slurm::read_allocation();
  const int threads = engine::default_threads(world, allocation);
  at::set_num_threads(threads);
  const at::Device device = engine::choose_rank_device(world, options.device);
  std::optional<dist::Communicator> carrier;
  if (device.is_cuda()) carrier.emplace(dist::nccl_communicator(world, device));
  const BenchTeam team{.host = world, .tensors = carrier ? *carrier : world, .device = device};

  const double load = load_average();
  const std::vector<BenchResult> results = CommBench{team, options.max_bytes}.run(options.repeats);
  const std::map<std::string, int> hosts = hosts_of(world);
  dist::agree(world, [&] {
    if (world.rank() > 0) return;
    const BenchSetting setting{.hosts = hosts,
                               .world = world.size(),
                               .backend = carrier ? "nccl" : "mpi",
                               .device = dist::describe_device(device),
                               .threads = threads,
                               .repeats = options.repeats,
                               .load = load,
                               .libraries = dist::library_versions()};
    results::write_results(options.out, [&](std::ostream& out) {
      out << (options.json ? bench_comm_json(setting, results).dump(2) + "\n"
                           : bench_comm_table(setting, results));
      return 0;
    });
  });
}

}  // namespace

int bench_comm(const dist::MpiSession& mpi, const BenchCommOptions& options) {
  const dist::Communicator world = mpi.world();
  try {
    measure(world, options);
  } catch (const Error&) {
    // Agreed on: rank 0 tells it.
    if (world.rank() == 0) throw;
  }
  return 0;
}

}  // namespace ditmill::jobs::bench

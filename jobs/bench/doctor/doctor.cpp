#include "jobs/bench/doctor/doctor.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>

#include "dist/comm/agree.h"
#include "jobs/bench/doctor/diagnosis.h"
#include "jobs/bench/doctor/doctor_text.h"
#include "jobs/bench/doctor/pair_rates.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/output.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::bench::doctor {
namespace {

constexpr dist::Purpose why = dist::Purpose::progress;
constexpr int facts_tag = 1;
/// Of rates that differ: a slow moment is no slow node.
constexpr int most_looks = 3;
constexpr double share_of_pairs = 0.5;  ///< of the seconds

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

/// Every node's facts on rank 0, but of those that have not told them by then.
std::vector<NodeFacts> gather(const dist::Communicator& nodes, const NodeFacts& own,
                              const std::vector<std::string>& hosts, double seconds) {
  if (nodes.rank() != 0) {
    nodes.post(bytes_of(to_json(own).dump()), 0, facts_tag, why);
    return {};
  }
  std::vector<NodeFacts> all(hosts.size());
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    all[i].host = hosts[i];
    all[i].silent = i > 0;
  }
  all[0] = own;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (std::size_t missing = hosts.size() - 1; missing > 0 && std::chrono::steady_clock::now() < deadline;) {
    const std::optional<dist::Message> message = nodes.try_receive(-1, facts_tag, why);
    if (!message) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      continue;
    }
    const auto* text = reinterpret_cast<const char*>(message->bytes.data());
    all[static_cast<std::size_t>(message->from)] =
        facts_from_json(nlohmann::json::parse(text, text + message->bytes.size()));
    --missing;
  }
  return all;
}

bool any_silent(const std::vector<NodeFacts>& nodes) {
  return std::ranges::any_of(nodes, &NodeFacts::silent);
}

/// The host's name in the allocation, for --exclude: hosts may have a domain that Slurm's names have not.
std::string node_name(const std::string& host, const slurm::Allocation& allocation) {
  const std::string first = host.substr(0, host.find('.'));
  const bool known = std::ranges::find(allocation.nodes, first) != allocation.nodes.end();
  return known && std::ranges::find(allocation.nodes, host) == allocation.nodes.end() ? first : host;
}

int tell(const std::vector<NodeFacts>& nodes, const Diagnosis& diagnosis, const DoctorOptions& options) {
  return results::write_results(options.out, [&](std::ostream& out) {
    out << (options.json ? doctor_json(nodes, diagnosis)
                                   .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                               "\n"
                         : doctor_text(nodes, diagnosis));
    return diagnosis.exit_code();
  });
}

}  // namespace

std::vector<NodeFacts> look_at_nodes(const dist::Communicator& nodes, const std::string& folder,
                                     double seconds) {
  const std::vector<std::string> hosts = nodes.gather_text(plan::machine_name(), 0, why);
  const double offset = clock_offset(nodes);
  NodeFacts own = look_at_node(folder, seconds);
  own.clock_offset = offset;
  std::vector<NodeFacts> all = gather(nodes, own, hosts, 2 * seconds);
  if (any_silent(all)) return all;
  const std::vector<double> rates = measure_pairs(nodes, share_of_pairs * seconds);
  const std::vector<std::string> texts = nodes.gather_text(nlohmann::json(rates).dump(), 0, why);
  for (std::size_t i = 0; i < texts.size(); ++i) nlohmann::json::parse(texts[i]).get_to(all[i].pair_rates);
  return all;
}

int examine(const dist::MpiSession& mpi, const DoctorOptions& options) {
  const dist::Communicator world = mpi.world();
  const bool first_here = engine::local_rank(world) == 0;
  const dist::Communicator nodes = world.split(first_here ? 0 : 1, world.rank(), why);
  if (!first_here) return 0;
  const std::string folder = std::filesystem::absolute(options.folder).string();
  const slurm::Allocation allocation = slurm::read_allocation();
  std::vector<NodeFacts> all;
  Diagnosis diagnosis;
  bool again = true;
  for (int look = 0; again && look < most_looks; ++look) {
    std::vector<NodeFacts> seen = look_at_nodes(nodes, folder, options.seconds);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      seen[i].host = node_name(seen[i].host, allocation);
      if (look > 0) all[i].take_better(seen[i]);
      if (look > 0) all[i].silent = seen[i].silent;
    }
    if (look == 0) all = std::move(seen);
    if (nodes.rank() == 0) diagnosis = diagnose(all, options.min_gpus);
    if (any_silent(all)) {  // who hangs comes to no end
      const int code = tell(all, diagnosis, options);
      std::cout.flush();
      dist::MpiSession::abort(code);
    }
    again = nodes.max(diagnosis.may_pass ? 1 : 0, why) > 0;
  }
  return nodes.rank() == 0 ? tell(all, diagnosis, options) : 0;
}

}  // namespace ditmill::jobs::bench::doctor

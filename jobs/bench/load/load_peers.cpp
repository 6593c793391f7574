#include "jobs/bench/load/load_peers.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/embedded.h"
#include "configs/error.h"
#include "dist/comm/agree.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/bench/load/load_sums.h"
#include "jobs/bench/peer_python.h"
#include "jobs/plan/memory/memory_limit.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

constexpr const char* runs_peers = "run the peers of bench load";

/// Why no peer can do what ditmill is asked for; empty: they can.
std::string why_no_peer(const LoadedPlans& plans, const at::Device& device) {
  if (!device.is_cpu()) return "peers are timed on the CPU";
  if (plans.parallel.tp * plans.parallel.pp > 1 || plans.parallel.fsdp)
    return "peers bring everything to every rank";
  for (const dist::ComponentPlan& plan : plans.components) {
    for (const registry::WeightFile& file : plan.files) {
      if (!file.path.ends_with(".safetensors")) return "peers read safetensors, not " + file.path;
    }
  }
  return {};
}

Readers readers_named(const std::string& name) { return name == "one" ? Readers::one : Readers::each; }

}  // namespace

LoadPeers::LoadPeers(const dist::Nodes& nodes, const LoadedPlans& plans, const at::Device& device)
    : nodes_(nodes), device_(device), python_(peer_python()) {
  if (const std::string why = why_no_peer(plans, device); !why.empty()) {
    skipped_.push_back({"peer:all", why});
    return;
  }
  dist::agree(nodes.world(), [&] { start(); });
  json files = json::array();
  for (const dist::ComponentPlan& plan : plans.components) {
    for (const registry::WeightFile& file : plan.files) files.push_back(file.path);
  }
  choose(agreed({{"rank", nodes.world().rank()},
                 {"world", nodes.world().size()},
                 {"files", std::move(files)},
                 {"threads", at::get_num_threads()}}));
  if (!names_.empty() && nodes.world().size() > 1) meet();
}

void LoadPeers::start() {
  std::vector<std::string> environment{"OMP_NUM_THREADS=" + std::to_string(at::get_num_threads()),
                                       "HF_HUB_OFFLINE=1", "PYTHONDONTWRITEBYTECODE=1",
                                       "RUNAI_STREAMER_LOG_LEVEL=ERROR"};
  // Where a machine's own name leads nowhere, its loopback still does.
  if (nodes_.count() == 1) environment.emplace_back("GLOO_SOCKET_IFNAME=lo");
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{python_, "-c", std::string(embedded::load_peers()[0].text)}, environment);
}

json LoadPeers::ask(const json& what) {
  process_->write_line(what.dump());
  const std::optional<std::string> line = process_->read_line();
  json given = line ? json::parse(*line, nullptr, /*allow_exceptions=*/false) : json();
  if (given.is_object() && !given.contains("failure")) return given;
  throw Error{Category::io,
              runs_peers,
              Where{.file = python_, .rank = nodes_.world().rank()},
              Expected{"an answer"},
              Got{line ? printable(given.is_object() ? given["failure"].get<std::string>() : *line)
                       : std::string("its end; what it said is above")},
              "name another Python by $DITMILL_PYTHON, or leave out --peers"};
}

json LoadPeers::agreed(const json& what) {
  json given;
  dist::agree(nodes_.world(), [&] { given = ask(what); });
  return given;
}

/// A peer runs if it does on every rank.
void LoadPeers::choose(const json& told) {
  const dist::Communicator& world = nodes_.world();
  json missing = json::object();
  for (const std::string& each : world.gather_text(told["peers"].dump(), 0, dist::Purpose::plan)) {
    const json of_rank = json::parse(each);
    for (const auto& [name, why] : of_rank.items()) {
      if (!missing.contains(name) || missing[name].is_null()) missing[name] = why;
    }
  }
  missing = json::parse(world.broadcast_text(missing.dump(), 0, dist::Purpose::plan));
  for (const auto& [name, why] : missing.items()) {
    if (why.is_null()) {
      names_.push_back("peer:" + name);
      readers_.push_back(readers_named(told["readers"].at(name).get<std::string>()));
    } else {
      skipped_.push_back({"peer:" + name, why.get<std::string>()});
    }
  }
}

void LoadPeers::meet() {
  const dist::Communicator& world = nodes_.world();
  json where{{"host", nodes_.count() == 1 ? "127.0.0.1" : plan::machine_name()}, {"port", nullptr}};
  dist::agree(world, [&] {
    if (world.rank() == 0) where["port"] = ask({{"meet", where}}).at("port");
  });
  where = json::parse(world.broadcast_text(where.dump(), 0, dist::Purpose::plan));
  dist::agree(world, [&] {
    if (world.rank() > 0) ask({{"meet", where}});
  });
  agreed({{"join", true}});
}

LoadRun LoadPeers::load(const std::string& name) {
  const dist::Communicator& world = nodes_.world();
  const std::string peer = name.substr(name.find(':') + 1);
  LoadRun run;
  run.strategy = name;
  run.readers = readers_[static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin())];
  json done;
  std::optional<Error> failure;
  run.last_rank = seconds_on_all(world, device_, [&] {
    failure = dist::failure_of([&] { done = ask({{"load", peer}}); });
  });
  dist::agree_on(world, failure);
  run.first_component = run.last_rank;  // they bring all at once
  run.private_growth = most_of(world, done.at("private_bytes").get<std::uint64_t>());
  run.held_bytes = sum_of(world, done.at("held_bytes").get<std::uint64_t>());
  run.work.private_bytes = sum_of(world, done.at("private_bytes").get<std::uint64_t>());
  run.work.read_bytes = sum_of(world, done.at("read_bytes").get<std::uint64_t>());
  run.network_bytes = sum_of(world, done.at("network_bytes").get<std::uint64_t>());
  run.page_faults = sum_of(world, done.at("page_faults").get<std::uint64_t>());
  agreed({{"drop", peer}});
  return run;
}

}  // namespace ditmill::jobs::bench

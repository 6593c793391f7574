#include "jobs/bench/sweep/bench_sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/error.h"
#include "jobs/bench/curves/json_place.h"
#include "jobs/bench/curves/load_markdown.h"
#include "jobs/bench/curves/load_series.h"
#include "jobs/bench/sweep/allocation_load.h"
#include "jobs/bench/sweep/namespaces.h"
#include "jobs/bench/sweep/slurm_sweep.h"
#include "jobs/bench/sweep/sweep_load.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/temporary_folder.h"
#include "slurm/allocation.h"
#include "slurm/launch.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

constexpr const char* default_link = "1gbit";

/// Where the machines come from.
struct SweepPlace {
  enum class Kind { allocation, namespaces, jobs };
  Kind kind = Kind::namespaces;
  slurm::Allocation allocation = {};
  std::string link = {};
};

SweepPlace choose_place(const BenchSweepOptions& options) {
  SweepPlace place{.allocation = slurm::read_allocation(), .link = options.link};
  const int most = std::ranges::max(options.nodes);
  if (place.allocation.inside()) {
    place.kind = SweepPlace::Kind::allocation;
    if (!options.link.empty()) {
      throw Error{Category::usage,
                  "sweep over machines",
                  {},
                  Expected{"no --link inside an allocation of Slurm's"},
                  Got{"--link " + printable(options.link, max_shown)},
                  "its own nodes are measured"};
    }
    if (static_cast<std::size_t>(most) > place.allocation.nodes.size()) {
      throw Error{
          Category::usage,
          "sweep over machines",
          {},
          Expected{fmt::format("at most the {} nodes of this allocation", place.allocation.nodes.size())},
          Got{fmt::format("--nodes {}", most)},
          "ask sbatch or salloc for --nodes=" + std::to_string(most)};
    }
  } else if (options.link.empty() && slurm_answers()) {
    place.kind = SweepPlace::Kind::jobs;
  } else {
    if (place.link.empty()) place.link = default_link;
    check_namespaces(place.link);
  }
  return place;
}

class Sweep {
 public:
  explicit Sweep(const BenchSweepOptions& options) : options_(options), place_(choose_place(options)) {
    whole_ = {{"where", where()},
              {"link", place_.link.empty() ? json() : json(place_.link)},
              {"nodes", options.nodes},
              {"notes", notes()},
              {"loads", json::array()}};
  }

  /// Returns whether a signal ended it.
  bool run() {
    const slurm::Foreground foreground;
    if (place_.kind == SweepPlace::Kind::jobs) {
      const results::TemporaryFolder folder(beside_out());
      return sweep_by_jobs(options_, std::filesystem::absolute(folder.path()).string(), foreground,
                           [this](const std::string& path) { take(path); });
    }
    for (const int nodes : options_.nodes) {
      std::cerr << fmt::format("ditmill: {} machines\n", nodes);
      const results::TemporaryFolder folder(
          (std::filesystem::temp_directory_path() / "ditmill-sweep-").string());
      const SweepLoad load{.nodes = nodes,
                           .ranks_per_node = options_.ranks_per_node,
                           .engine = load_words(options_.load, folder / "load.json"),
                           .result = folder / "load.json",
                           .scratch = folder.path()};
      const bool told =
          place_.kind == SweepPlace::Kind::allocation
              ? load_in_allocation(load, place_.allocation, foreground)
              : load_on_namespaces(load, place_.link, served_folder(options_.load.model), foreground);
      if (told) return true;
      take(load.result);
    }
    return false;
  }

  const json& whole() const { return whole_; }

 private:
  std::string where() const {
    if (place_.kind == SweepPlace::Kind::allocation) return "allocation";
    return place_.kind == SweepPlace::Kind::jobs ? "slurm" : "namespaces";
  }

  std::vector<std::string> notes() const {
    if (place_.kind != SweepPlace::Kind::namespaces) return {};
    return {
        fmt::format("machines are network namespaces of one host, whose {} cores and memory they share; each "
                    "link, and that of the file server, passes {} either way (tc tbf)",
                    std::thread::hardware_concurrency(), place_.link),
        "each machine reads files through a mount of its own (sshfs) with a page cache of its own; the file "
        "server has them in its memory"};
  }

  /// Jobs run on other machines: what they read and write lies where the results will.
  std::string beside_out() const { return options_.out.empty() ? "ditmill-sweep-" : options_.out + ".jobs-"; }

  void take(const std::string& path) {
    json result = parse_json(path, results::durable::read_file(path));
    if (result.contains("loads")) {
      for (json& each : result["loads"]) whole_["loads"].push_back(std::move(each));
    } else {
      whole_["loads"].push_back(std::move(result));
    }
    if (!options_.out.empty()) results::durable::write_file(options_.out, whole_.dump(2) + "\n");
  }

  const BenchSweepOptions& options_;
  SweepPlace place_;
  json whole_;
};

}  // namespace

int bench_sweep(const BenchSweepOptions& options, std::ostream& out) {
  slurm::check_launches_once(slurm::read_launch());
  Sweep sweep{options};
  const bool told = sweep.run();
  if (options.json) {
    out << sweep.whole().dump(2) << "\n";
  } else if (!sweep.whole()["loads"].empty()) {
    LoadSeries series;
    add_load_text(series, "bench sweep", sweep.whole().dump());
    out << load_table(series);
  }
  return told ? exit_resumable : 0;
}

}  // namespace ditmill::jobs::bench

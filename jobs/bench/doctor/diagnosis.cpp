#include "jobs/bench/doctor/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>

#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/bench/doctor/known_bad.h"

namespace ditmill::jobs::bench::doctor {
namespace {

constexpr std::size_t fewest_to_name_one = 3;
/// Leases and heartbeats of a run compare clocks of its nodes with those of file servers.
constexpr double most_clock_offset = 1.0;
/// What Open MPI and PyTorch put there of one rank is some megabytes.
constexpr std::uint64_t least_shm_free = std::uint64_t{64} << 20;

/// A number of which less is worse.
struct Measure {
  const char* name = nullptr;
  const char* unit = nullptr;
  double scale = 1;  ///< to the unit
  double least = 1;  ///< of the median; less is odd
  bool of_the_moment = false;
  double (*of)(const NodeFacts&) = nullptr;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// File systems and networks serve others meanwhile; a core's clock and a memory's size are the node's own.
constexpr std::array<Measure, 8> measures{{
    {"a core's speed", "million steps/s", 1, 0.7, true, [](const NodeFacts& node) { return node.cpu_rate; }},
    {"its best pair", "MB/s", 1, 0.5, true, [](const NodeFacts& node) { return node.best_pair(); }},
    {"writing to the folder", "MB/s", 1, 0.3, true, [](const NodeFacts& node) { return node.write_rate; }},
    {"reading from the folder", "MB/s", 1, 0.3, true, [](const NodeFacts& node) { return node.read_rate; }},
    {"memory", "GB", 1e-9, 0.95, false,
     [](const NodeFacts& node) { return static_cast<double>(node.memory); }},
    {"memory that is available", "GB", 1e-9, 0.5, true,
     [](const NodeFacts& node) { return static_cast<double>(node.memory_available); }},
    {"/dev/shm", "GB", 1e-9, 0.7, false, [](const NodeFacts& node) { return static_cast<double>(node.shm); }},
    {"cores that are given", "cores", 1, 0.999, false,
     [](const NodeFacts& node) { return static_cast<double>(node.cores); }},
}};

class Diagnoser {
 public:
  Diagnoser(std::span<const NodeFacts> nodes, int min_gpus) : min_gpus_(min_gpus) {
    for (const NodeFacts& node : nodes) {
      if (node.silent) {
        find(node, "it does not answer: something on it hangs (a GPU, the folder, the network)");
        looks_again_ = false;
      } else {
        nodes_.push_back(&node);
      }
    }
  }

  Diagnosis diagnose() {
    for (const Measure& measure : measures) {
      if (!measure.of_the_moment || looks_again_) compare(measure);
    }
    compare_clocks();
    if (looks_again_) compare_loads();
    compare_most("GPUs", [](const NodeFacts& node) { return std::to_string(node.gpus.size()); });
    compare_most("its GPUs", [](const NodeFacts& node) {
      std::set<std::string> names;
      for (const Gpu& gpu : node.gpus) names.insert(gpu.name);
      return fmt::format("{}", fmt::join(names, ", "));
    });
    compare_versions();
    for (const NodeFacts* node : nodes_) look_at(*node);
    blame_the_folder();
    std::ranges::stable_sort(diagnosis_.findings, {},
                             [](const Finding& finding) { return finding.node.empty(); });
    return std::move(diagnosis_);
  }

 private:
  void find(const NodeFacts& node, std::string what) {
    diagnosis_.findings.push_back({node.host, std::move(what)});
  }
  void find(std::string what) { diagnosis_.findings.push_back({"", std::move(what)}); }
  bool can_name() const { return nodes_.size() >= fewest_to_name_one; }

  void compare(const Measure& measure) {
    std::vector<const NodeFacts*> measured;
    std::vector<double> values;
    for (const NodeFacts* node : nodes_) {
      if (measure.of(*node) <= 0) continue;
      measured.push_back(node);
      values.push_back(measure.of(*node));
    }
    if (measured.size() < 2) return;
    const std::size_t found = diagnosis_.findings.size();
    judge(measure, measured, values);
    diagnosis_.may_pass |= measure.of_the_moment && diagnosis_.findings.size() > found;
  }

  void judge(const Measure& measure, const std::vector<const NodeFacts*>& measured,
             const std::vector<double>& values) {
    const auto text = [&measure](double value) {
      return fmt::format("{:.4g} {}", value * measure.scale, measure.unit);
    };
    if (measured.size() < fewest_to_name_one) {
      const auto [least, most] = std::ranges::minmax(values);
      if (least < measure.least * most) {
        find(fmt::format("{}: {} has {}, {} has {}; of two nodes nobody can tell which is odd", measure.name,
                         measured[0]->host, text(values[0]), measured[1]->host, text(values[1])));
      }
      return;
    }
    const double middle = median(values);
    for (std::size_t i = 0; i < measured.size(); ++i) {
      if (values[i] >= measure.least * middle) continue;
      find(*measured[i],
           fmt::format("{}: {}, where the median is {}", measure.name, text(values[i]), text(middle)));
    }
  }

  /// Against the median clock: the first node, from which offsets are measured, may be the wrong one.
  void compare_clocks() {
    std::vector<double> offsets;
    for (const NodeFacts* node : nodes_) offsets.push_back(node->clock_offset);
    if (offsets.size() < 2) return;
    const double middle = can_name() ? median(offsets) : 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const double off = offsets[i] - middle;
      if (std::abs(off) <= most_clock_offset) continue;
      const std::string by = fmt::format("{:.1f} s {}", std::abs(off), off > 0 ? "ahead" : "behind");
      if (can_name()) {
        find(*nodes_[i], "its clock is " + by + " of the others");
      } else {
        find(fmt::format("the clock of {} is {} of that of {}; of two nodes nobody can tell which is wrong",
                         nodes_[i]->host, by, nodes_[1 - i]->host));
      }
    }
  }

  /// Others at work on a node that is meant to be this job's.
  void compare_loads() {
    std::vector<double> loads;
    for (const NodeFacts* node : nodes_) loads.push_back(node->load / std::max(1, node->cores));
    if (!can_name()) return;
    const double middle = median(loads);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (loads[i] < middle + 0.5) continue;
      diagnosis_.may_pass = true;
      find(*nodes_[i], fmt::format("others are at work on it: its load is {:.1f}, on {} cores",
                                   nodes_[i]->load, nodes_[i]->cores));
    }
  }

  /// What more than half of the nodes have is right.
  void compare_most(const std::string& name, const std::function<std::string(const NodeFacts&)>& of) {
    std::map<std::string, std::size_t> counts;
    for (const NodeFacts* node : nodes_) {
      if (node->gpu_error.empty()) ++counts[of(*node)];
    }
    if (counts.size() < 2) return;
    const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
    const auto shown = [](const std::string& text) { return text.empty() ? std::string{"none"} : text; };
    if (can_name() && 2 * most->second > nodes_.size()) {
      for (const NodeFacts* node : nodes_) {
        if (!node->gpu_error.empty() || of(*node) == most->first) continue;
        find(*node, fmt::format("{}: {}, where most have {}", name, shown(of(*node)), shown(most->first)));
      }
      return;
    }
    std::string all;
    for (const auto& [value, count] : counts) {
      extend_list(all, fmt::format("{} on {} nodes", shown(value), count));
    }
    find(name + " differ: " + all);
  }

  void compare_versions() {
    std::set<std::string> names;
    for (const NodeFacts* node : nodes_) {
      for (const auto& [name, version] : node->versions) names.insert(name);
    }
    std::set<std::string> notes;
    for (const std::string& name : names) {
      if (name == "cuda_devices") continue;  // GPUs are compared by themselves
      compare_most(name, [&name](const NodeFacts& node) {
        const auto found = node.versions.find(name);
        return found == node.versions.end() ? "" : found->second;
      });
    }
    for (const NodeFacts* node : nodes_) {
      for (std::string& note : known_bad(node->versions)) notes.insert(std::move(note));
    }
    diagnosis_.notes.assign(notes.begin(), notes.end());
  }

  void look_at(const NodeFacts& node) {
    if (!node.gpu_error.empty()) find(node, node.gpu_error);
    if (static_cast<int>(node.gpus.size()) < min_gpus_) {
      find(node, fmt::format("{} GPUs, fewer than the {} asked for", node.gpus.size(), min_gpus_));
    }
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
      if (node.gpus[i].held_back.empty()) continue;
      find(node, fmt::format("GPU {} is held back at {:.0f} of {:.0f} MHz: {}", i, node.gpus[i].clock_mhz,
                             node.gpus[i].top_clock_mhz, node.gpus[i].held_back));
    }
    if (node.shm_free < least_shm_free) {
      find(node,
           fmt::format("/dev/shm has {:.1f} MB left, of {:.1f}", 1e-6 * static_cast<double>(node.shm_free),
                       1e-6 * static_cast<double>(node.shm)));
    }
  }

  void blame_the_folder() {
    const auto failed = [](const NodeFacts* node) { return !node->folder_error.empty(); };
    if (std::ranges::none_of(nodes_, failed)) return;
    if (std::ranges::all_of(nodes_, failed)) {
      diagnosis_.measured = false;
      find("the folder is of no use: " + nodes_.front()->folder_error);
      return;
    }
    for (const NodeFacts* node : nodes_) {
      if (failed(node)) find(*node, node->folder_error);
    }
  }

  std::vector<const NodeFacts*> nodes_;
  int min_gpus_;
  bool looks_again_ = true;  ///< else what is of the moment is not judged by one look
  Diagnosis diagnosis_;
};

}  // namespace

std::vector<std::string> Diagnosis::odd_nodes() const {
  std::vector<std::string> nodes;
  for (const Finding& finding : findings) {
    if (!finding.node.empty() && std::ranges::find(nodes, finding.node) == nodes.end())
      nodes.push_back(finding.node);
  }
  return nodes;
}

int Diagnosis::exit_code() const {
  if (!odd_nodes().empty()) return exit_incomplete;
  if (!measured) return 3;
  return findings.empty() ? 0 : exit_incomplete;
}

Diagnosis diagnose(std::span<const NodeFacts> nodes, int min_gpus) {
  return Diagnoser{nodes, min_gpus}.diagnose();
}

}  // namespace ditmill::jobs::bench::doctor

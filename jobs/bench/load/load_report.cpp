#include "jobs/bench/load/load_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/size_text.h"
#include "jobs/bench/bench_clock.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

json seconds_json(const dist::LoadSeconds& seconds) {
  return {
      {"read", seconds.read}, {"network", seconds.network}, {"hash", seconds.hash}, {"copy", seconds.copy}};
}

json to_json(const LoadRun& run, int nodes) {
  return {{"strategy", run.strategy},
          {"repeat", run.repeat},
          {"seconds_first_component", run.first_component},
          {"seconds_last_rank", run.last_rank},
          {"read_bytes", run.work.read_bytes},
          {"network_bytes", run.network_bytes},
          {"private_bytes_max", run.private_growth},
          {"shared_bytes_node", run.work.shared_bytes / static_cast<std::uint64_t>(nodes)},
          {"page_faults", run.page_faults},
          {"verified_bytes", run.work.verified_bytes},
          {"busy", seconds_json(run.work.busy)},
          {"stall", seconds_json(run.work.stall)}};
}

/// The runs of a strategy, in the order in which strategies were first run.
std::vector<std::vector<const LoadRun*>> by_strategy(const std::vector<LoadRun>& runs) {
  std::vector<std::vector<const LoadRun*>> groups;
  for (const LoadRun& run : runs) {
    const auto group = std::ranges::find_if(
        groups, [&run](const auto& each) { return each.front()->strategy == run.strategy; });
    if (group == groups.end()) {
      groups.push_back({&run});
    } else {
      group->push_back(&run);
    }
  }
  return groups;
}

Spread seconds_of(const std::vector<const LoadRun*>& runs) {
  std::vector<double> seconds;
  for (const LoadRun* run : runs) seconds.push_back(run->last_rank);
  return spread_of(std::move(seconds));
}

double over(std::uint64_t bytes, double rate) { return rate > 0 ? static_cast<double>(bytes) / rate : 0; }

/// The least that storage takes, whatever machines read.
double read_limit(const LoadSetting& setting, const LoadLimits& limits, Readers readers) {
  const auto nodes = static_cast<std::uint64_t>(setting.nodes);
  const std::uint64_t one = readers == Readers::a_part_each ? setting.bytes / nodes : setting.bytes;
  const std::uint64_t all = readers == Readers::each ? nodes * setting.bytes : setting.bytes;
  return std::max(over(one, limits.read_cold), over(all, limits.read_together));
}

/// What a machine gets from others of what it did not read.
double network_limit(const LoadSetting& setting, const LoadLimits& limits, const LoadRun& run) {
  if (run.network_bytes == 0 || setting.nodes < 2) return 0;
  const double own = run.readers == Readers::a_part_each ? 1.0 / setting.nodes : 0;
  return (1 - own) * over(setting.bytes, limits.link);
}

/// What a machine's ranks look at, but for what they made to share: that its first touch counts.
std::uint64_t looked_at(const LoadRun& run) {
  if (run.work.shared_bytes == 0) return run.held_bytes;
  const double mapped =
      static_cast<double>(run.work.mapped_bytes) / static_cast<double>(run.work.shared_bytes);
  return static_cast<std::uint64_t>(mapped * static_cast<double>(run.held_bytes));
}

}  // namespace

double limit_seconds(const LoadSetting& setting, const LoadLimits& limits, const LoadRun& run) {
  const auto nodes = static_cast<std::uint64_t>(setting.nodes);
  // What the ranks of one machine do.
  const std::uint64_t own = run.work.private_bytes / nodes;
  const std::uint64_t made = (run.work.shared_bytes - run.work.mapped_bytes) / nodes;
  const double hash = run.work.verified_bytes > 0 ? over(setting.bytes, limits.hash) : 0;
  const double copies = over(own, limits.touch) + over(own, limits.memcpy) + over(made, limits.touch_shared) +
                        over(made, limits.memcpy) + over(looked_at(run) / nodes, limits.look);
  const double network = network_limit(setting, limits, run);
  if (setting.cold) return std::max({read_limit(setting, limits, run.readers), hash + copies, network});
  return std::max(over(setting.bytes, limits.map) + hash + copies, network);
}

json bench_load_json(const LoadSetting& setting, const LoadLimits& limits, const std::vector<LoadRun>& runs,
                     const std::vector<SkippedStrategy>& skipped) {
  json all = json::array();
  for (const LoadRun& run : runs) all.push_back(to_json(run, setting.nodes));
  json summary = json::array();
  for (const auto& group : by_strategy(runs)) {
    const double median = seconds_of(group).median;
    const double limit = limit_seconds(setting, limits, *group.front());
    summary.push_back({{"strategy", group.front()->strategy},
                       {"median_seconds", median},
                       {"limit_seconds", limit},
                       {"fraction_of_limit", limit / median},
                       {"skipped", nullptr}});
  }
  for (const SkippedStrategy& each : skipped) {
    summary.push_back({{"strategy", each.strategy},
                       {"median_seconds", nullptr},
                       {"limit_seconds", nullptr},
                       {"fraction_of_limit", nullptr},
                       {"skipped", each.why}});
  }
  return {{"model", setting.model},    {"bytes", setting.bytes},       {"nodes", setting.nodes},
          {"ranks", setting.ranks},    {"cold", setting.cold},         {"hash", setting.hash},
          {"device", setting.device},  {"load_average", setting.load}, {"runs", std::move(all)},
          {"limits", to_json(limits)}, {"summary", std::move(summary)}};
}

std::string bench_load_table(const LoadSetting& setting, const LoadLimits& limits,
                             const std::vector<LoadRun>& runs, const std::vector<SkippedStrategy>& skipped) {
  std::string text = fmt::format(
      "{} of {}, {}, to {} ranks on {} machines, {}, load average {:.1f}\n"
      "a machine's ranks together, GB/s: memcpy {:.1f}, fresh memory {:.1f}, fresh shared {:.1f}, a look at "
      "pages {:.1f}, cached read {:.1f}, storage {:.2f}, link {:.2f}, hash {:.1f}\n\n{:<24} {:>8} {:>8} "
      "{:>8} {:>7} {:>6} {:>10} "
      "{:>10}\n",
      size_text(static_cast<double>(setting.bytes)), setting.model, setting.cold ? "cold" : "hot",
      setting.ranks, setting.nodes, setting.hash ? "verified" : "not verified", setting.load,
      limits.memcpy / 1e9, limits.touch / 1e9, limits.touch_shared / 1e9, limits.look / 1e9,
      limits.read_hot / 1e9, limits.read_cold / 1e9, limits.link / 1e9, limits.hash / 1e9, "strategy",
      "median s", "least s", "first s", "GB/s", "of limit", "private", "shared");
  for (const auto& group : by_strategy(runs)) {
    const Spread seconds = seconds_of(group);
    std::vector<double> first;
    for (const LoadRun* run : group) first.push_back(run->first_component);
    const double limit = limit_seconds(setting, limits, *group.front());
    text +=
        fmt::format("{:<24} {:>8.3f} {:>8.3f} {:>8.3f} {:>7.2f} {:>7.0f}% {:>10} {:>10}\n",
                    group.front()->strategy, seconds.median, seconds.min, spread_of(first).median,
                    static_cast<double>(setting.bytes) / seconds.median / 1e9, 100 * limit / seconds.median,
                    size_text(static_cast<double>(group.front()->private_growth)),
                    size_text(static_cast<double>(group.front()->work.shared_bytes) / setting.nodes));
  }
  for (const SkippedStrategy& each : skipped)
    text += fmt::format("{:<24} skipped: {}\n", each.strategy, each.why);
  return text;
}

}  // namespace ditmill::jobs::bench

#include "jobs/plan/memory/memory_shortage.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "configs/size_text.h"

namespace ditmill::jobs::plan {
namespace {

std::string count_of(std::uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// What would fit within the bound, in words; what comes nearest if nothing does.
std::string advice(const SharedBound& bound, const RankPlans& plans,
                   std::span<const Alternative> alternatives) {
  std::vector<std::string> fitting;
  const std::uint64_t ranks = bound.count();
  const bool shares = plans.shared(bound.ranks) > 0;
  const auto plans_of = [shares](const Alternative& other) -> RankPlans {
    if (!other.plans)
      return RankPlans{
          MemoryPlan{.components = {}, .stages = {{.name = "all", .components = {}, .peak = other.peak}}}};
    return shares ? *other.plans : other.plans->without_sharing();
  };
  const auto room_for = [&bound](const RankPlans& takes) {
    return takes.peak() == 0 ? 0 : takes.fitting(bound.ranks, bound.available);
  };
  for (const Alternative& other : alternatives) {
    const RankPlans takes = plans_of(other);
    if (room_for(takes) < ranks) continue;
    fitting.push_back(other.change + " (" + gigabytes(takes.needed(bound.ranks)) + " for " +
                      count_of(ranks, "rank") + ")");
    break;
  }
  if (const std::uint64_t room = room_for(plans); room > 0) {
    fitting.push_back(count_of(room, "rank") + " a node instead of " + std::to_string(ranks));
  }
  for (const Alternative& other : alternatives) {
    const std::uint64_t room = room_for(plans_of(other));
    if (!fitting.empty() || room == 0) continue;
    fitting.push_back(other.change + " with " + count_of(room, "rank") + " a node");
  }
  if (fitting.empty()) {
    const std::uint64_t least = alternatives.empty() ? plans.peak() : alternatives.back().peak;
    return "a rank needs " + gigabytes(least) +
           (alternatives.empty() ? "" : " even with " + alternatives.back().change) +
           ": take machines with more memory, fewer frames or smaller pictures";
  }
  return "would fit: " + fmt::format("{}", fmt::join(fitting, ", or "));
}

}  // namespace

RankMemory this_rank(const std::string& root) {
  return {.machine = machine_id(root),
          .name = machine_name(),
          .resident = process_memory(root).resident,
          .bounds = memory_bounds(root),
          .shareable = shared_memory_room()};
}

nlohmann::json to_json(const RankMemory& rank) {
  nlohmann::json bounds = nlohmann::json::array();
  for (const MemoryBound& bound : rank.bounds) {
    bounds.push_back({{"id", bound.id}, {"source", printable(bound.source)}, {"available", bound.available}});
  }
  return {{"machine", printable(rank.machine)},
          {"name", printable(rank.name)},
          {"resident", rank.resident},
          {"shareable", rank.shareable},
          {"bounds", bounds}};
}

RankMemory rank_memory_from_json(const nlohmann::json& json) {
  RankMemory rank{.machine = json.at("machine").get<std::string>(),
                  .name = json.at("name").get<std::string>(),
                  .resident = json.at("resident").get<std::uint64_t>(),
                  .bounds = {},
                  .shareable = json.at("shareable").get<std::uint64_t>()};
  for (const nlohmann::json& bound : json.at("bounds")) {
    rank.bounds.push_back({.id = bound.at("id").get<std::string>(),
                           .source = bound.at("source").get<std::string>(),
                           .available = bound.at("available").get<std::uint64_t>()});
  }
  return rank;
}

std::vector<SharedBound> shared_bounds(std::span<const RankMemory> ranks) {
  std::map<std::pair<std::string, std::string>, SharedBound> by_bound;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    for (const MemoryBound& bound : ranks[i].bounds) {
      const auto [found, first] = by_bound.try_emplace(
          {ranks[i].machine, bound.id},
          SharedBound{
              .name = ranks[i].name, .source = bound.source, .available = bound.available, .ranks = {}});
      // Ranks look one after the other: the least that any of them saw.
      found->second.available = std::min(found->second.available, bound.available);
      found->second.ranks.push_back(static_cast<int>(i));
    }
  }
  std::vector<SharedBound> bounds;
  for (auto& [id, bound] : by_bound) bounds.push_back(std::move(bound));
  std::stable_sort(bounds.begin(), bounds.end(), [](const SharedBound& a, const SharedBound& b) {
    return a.available / a.count() < b.available / b.count();
  });
  return bounds;
}

RankPlans as_loaded(RankPlans plans, std::span<const RankMemory> ranks, configs::Strategy loading) {
  std::map<std::string, std::vector<int>> machines;
  for (std::size_t i = 0; i < ranks.size(); ++i) machines[ranks[i].machine].push_back(static_cast<int>(i));
  const bool chosen = loading == configs::Strategy::shared || machines.size() == 1;
  const bool has_room = std::ranges::all_of(machines, [&](const auto& machine) {
    const RankMemory& first = ranks[static_cast<std::size_t>(machine.second.front())];
    return plans.shared(machine.second) <= first.shareable;
  });
  return chosen && has_room ? std::move(plans) : plans.without_sharing();
}

std::optional<Error> memory_shortage(std::span<const RankMemory> ranks, const RankPlans& plans,
                                     std::span<const Alternative> alternatives) {
  const auto needed_of = [&plans](const SharedBound& bound) { return plans.needed(bound.ranks); };
  std::optional<SharedBound> tightest;
  std::set<std::string> machines;
  for (SharedBound& bound : shared_bounds(ranks)) {
    if (needed_of(bound) <= bound.available) continue;
    machines.insert(ranks[static_cast<std::size_t>(bound.ranks.front())].machine);
    if (!tightest) tightest = std::move(bound);
  }
  if (!tightest) return std::nullopt;
  std::string got =
      gigabytes(needed_of(*tightest)) + " for the " + count_of(tightest->count(), "rank") + " there";
  if (machines.size() > 1) got += " (and " + count_of(machines.size() - 1, "more machine") + " too small)";
  const int largest = *std::ranges::max_element(tightest->ranks, {},
                                                [&plans](const int rank) { return plans.of(rank).peak(); });
  got += ". A rank's plan:\n" + to_text(plans.of(largest));
  got.pop_back();
  return Error{
      Category::usage,
      "fit the job into the memory of " + tightest->name,
      Where{.rank = largest},
      Expected{"at most " + gigabytes(tightest->available) + ", what is left by " + tightest->source},
      Got{std::move(got)},
      advice(*tightest, plans, alternatives) + "; --skip-memory-check starts all the same"};
}

}  // namespace ditmill::jobs::plan

#include "jobs/plan/memory/parallel_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "configs/list_text.h"
#include "configs/size_text.h"

namespace ditmill::jobs::plan {
namespace {

using configs::ParallelConfig;

std::vector<int> divisors(int number) {
  std::vector<int> small;
  std::vector<int> large;
  for (int divisor = 1; std::int64_t{divisor} * divisor <= number; ++divisor) {
    if (number % divisor != 0) continue;
    small.push_back(divisor);
    if (divisor != number / divisor) large.push_back(number / divisor);
  }
  small.insert(small.end(), large.rbegin(), large.rend());
  return small;
}

/// The layouts of so many ranks a group that the model and the machines allow, the best first.
std::vector<ParallelConfig> layouts(const PreparedJob& job, const Room& room, int group) {
  std::vector<ParallelConfig> found;
  const int most_cfg = job.manifest.pipeline.guided() ? 2 : 1;
  for (const int tp : divisors(group)) {
    for (const int ring : divisors(group / tp)) {
      for (const int cfg : divisors(group / tp / ring)) {
        if (cfg > most_cfg) break;
        const ParallelConfig degrees{.cfg = cfg, .ring = ring, .ulysses = group / tp / ring / cfg, .tp = tp};
        // No machine bound holds a team of more ranks than it has.
        if (room.ranks_per_machine % (std::int64_t{degrees.tp} * degrees.ulysses) != 0) continue;
        if (!job.family->check_degrees(job.hyper_parameters, degrees).empty()) continue;
        found.push_back(degrees);
      }
    }
  }
  std::ranges::stable_sort(found, {}, [](const ParallelConfig& degrees) {
    return std::tuple{degrees.tp, degrees.ring, -degrees.cfg};
  });
  return found;
}

std::string reason_for(const ParallelConfig& degrees, std::uint64_t peak, const Room& room) {
  return fmt::format("{}: {} a rank, {} {}", describe(degrees), gigabytes(peak),
                     peak <= *room.bytes ? "within" : "more than", gigabytes(*room.bytes));
}

/// Of the layouts that do not fit, the first of each group size and the one that was taken are told.
class Search {
 public:
  Search(const PreparedJob& job, const configs::PipelineConfig& pipeline, const Room& room)
      : job_(job), pipeline_(pipeline), room_(room), planner_(job) {}

  ParallelChoice run() {
    best_.reasons.push_back(fmt::format("a rank may take {}: {}", gigabytes(*room_.bytes), room_.source));
    for (const int group : divisors(room_.world)) {
      std::optional<std::pair<ParallelConfig, std::uint64_t>> nearest;
      for (const ParallelConfig& degrees : layouts(job_, room_, group)) {
        const std::uint64_t peak = peak_of(degrees);
        if (!nearest || peak < nearest->second) nearest = {degrees, peak};
        if (peak <= *room_.bytes) break;
      }
      if (!nearest) continue;
      const auto& [degrees, peak] = *nearest;
      best_.reasons.push_back(reason_for(degrees, peak, room_));
      if (!tried_ || peak < best_.peak) {
        best_.degrees = degrees;
        best_.peak = peak;
      }
      tried_ = true;
      if (peak <= *room_.bytes) return std::move(best_);
    }
    best_.fits = false;
    return std::move(best_);
  }

 private:
  std::uint64_t peak_of(const ParallelConfig& degrees) const {
    configs::PipelineConfig pipeline = pipeline_;
    pipeline.parallel = degrees;
    return plan::peak_of(planner_, pipeline, room_);
  }

  const PreparedJob& job_;
  const configs::PipelineConfig& pipeline_;
  const Room& room_;
  MemoryPlanner planner_;
  ParallelChoice best_;
  bool tried_ = false;
};

}  // namespace

std::optional<configs::PipelineConfig> by_turns(const PreparedJob& job) {
  configs::PipelineConfig pipeline = job.manifest.pipeline;
  if (job.family == nullptr || pipeline.parallel.fsdp) return std::nullopt;
  int transformers = 0;
  for (const models::Phase& phase : job.family->phases(job.hyper_parameters)) {
    if (phase.kind != models::Phase::Kind::denoise) continue;
    for (const std::string& name : phase.components) {
      configs::Offload& offload = pipeline.components.at(name).offload;
      if (offload.any()) return std::nullopt;
      offload = {.type = configs::OffloadType::stages};
      ++transformers;
    }
  }
  return transformers < 2 ? std::nullopt : std::optional{std::move(pipeline)};
}

std::uint64_t peak_of(const MemoryPlanner& planner, const configs::PipelineConfig& pipeline,
                      const Room& room) {
  const RankPlans plans{planner, pipeline, dist::Mesh{room.world, pipeline.parallel}};
  std::vector<int> machine(static_cast<std::size_t>(room.ranks_per_machine));
  std::iota(machine.begin(), machine.end(), 0);
  const bool shares = pipeline.loading == configs::Strategy::shared || room.machines == 1;
  if (!shares || plans.shared(machine) > room.shareable) return plans.peak();
  // Of what the machine's ranks take together, a rank's part.
  return (plans.needed(machine) + machine.size() - 1) / machine.size();
}

Room room_of(std::span<const RankMemory> ranks) {
  Room room{.world = static_cast<int>(ranks.size()), .ranks_per_machine = 0, .bytes = {}, .source = {}};
  std::map<std::string, int> machines;
  for (const RankMemory& rank : ranks) ++machines[rank.machine];
  for (const auto& [machine, count] : machines) {
    room.ranks_per_machine = std::gcd(room.ranks_per_machine, count);
  }
  room.machines = static_cast<int>(std::max<std::size_t>(machines.size(), 1));
  if (!ranks.empty()) room.shareable = std::ranges::min(ranks, {}, &RankMemory::shareable).shareable;
  const std::vector<SharedBound> bounds = shared_bounds(ranks);
  if (bounds.empty()) return room;
  const SharedBound& tightest = bounds.front();
  room.bytes = tightest.available / tightest.count();
  room.source = fmt::format("{} of {}, for {} rank{}", tightest.source, tightest.name, tightest.count(),
                            tightest.count() == 1 ? "" : "s");
  return room;
}

ParallelChoice choose_parallel(const PreparedJob& job, const Room& room) {
  if (job.family == nullptr) return {.degrees = {}, .reasons = {"a rehearsal has no weights: dp only"}};
  if (!room.bytes) return {.degrees = {}, .reasons = {"no memory bound is known: dp only"}};
  ParallelChoice resident = Search{job, job.manifest.pipeline, room}.run();
  const std::optional<configs::PipelineConfig> turns = by_turns(job);
  if (resident.fits || !turns) return resident;
  ParallelChoice choice = Search{job, *turns, room}.run();
  return choice.fits ? choice : resident;
}

Error no_layout_fits(const PreparedJob& job, const Room& room, const ParallelChoice& best) {
  const dist::Mesh mesh{room.world, best.degrees};
  configs::PipelineConfig pipeline = job.manifest.pipeline;
  pipeline.parallel = best.degrees;
  std::string hint = "start more ranks, fewer on a machine, or take machines with more memory";
  for (const Alternative& other : alternatives(job, pipeline, mesh)) {
    if (other.peak > *room.bytes) continue;
    hint = "would fit: " + other.change + " (" + gigabytes(other.peak) + " a rank); or " + hint;
    break;
  }
  return Error{Category::usage,
               "choose a layout for " + std::to_string(room.world) + (room.world == 1 ? " rank" : " ranks"),
               Where{.key = "pipeline.parallel"},
               Expected{"at most " + gigabytes(*room.bytes) + " a rank, what is left by " + room.source},
               Got{gigabytes(best.peak) + " with " + describe(best.degrees) + ", the least there is: " +
                   gigabytes(best.peak - std::min(best.peak, *room.bytes)) + " too much"},
               hint};
}

std::string describe(const ParallelConfig& degrees) {
  std::string text;
  for (const auto& [axis, degree] :
       std::initializer_list<std::pair<const char*, int>>{{"cfg", degrees.cfg},
                                                          {"ring", degrees.ring},
                                                          {"ulysses", degrees.ulysses},
                                                          {"pp", degrees.pp},
                                                          {"tp", degrees.tp}}) {
    if (degree > 1) extend_list(text, fmt::format("{} {}", axis, degree), " x ");
  }
  return text.empty() ? "dp only" : text;
}

}  // namespace ditmill::jobs::plan

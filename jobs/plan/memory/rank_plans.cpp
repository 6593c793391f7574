#include "jobs/plan/memory/rank_plans.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <utility>

#include "configs/component_name.h"
#include "configs/list_text.h"

namespace ditmill::jobs::plan {
namespace {

constexpr std::size_t most_pieces = 4;

}  // namespace

// pp and tp are the fastest axes, so that plans repeat after one of each.
RankPlans::RankPlans(const MemoryPlanner& planner, const configs::PipelineConfig& pipeline,
                     const dist::Mesh& mesh)
    : period_(mesh.degree(dist::Axis::pp) * mesh.degree(dist::Axis::tp)) {
  for (int rank = 0; rank < period_; ++rank) plans_.push_back(planner.plan(pipeline, mesh, rank));
}

RankPlans::RankPlans(MemoryPlan every) { plans_.push_back(std::move(every)); }

const MemoryPlan& RankPlans::of(int rank) const { return plans_[static_cast<std::size_t>(rank % period_)]; }

const MemoryPlan& RankPlans::largest() const {
  return *std::ranges::max_element(plans_, {}, [](const MemoryPlan& plan) { return plan.peak(); });
}

std::uint64_t RankPlans::shared(std::span<const int> ranks) const {
  std::set<int> teams;
  for (const int rank : ranks) teams.insert(rank % period_);
  std::uint64_t most = 0;
  for (std::size_t stage = 0; stage < plans_.front().stages.size(); ++stage) {
    std::uint64_t bytes = 0;
    for (const int team : teams) bytes += of(team).stages[stage].shared;
    most = std::max(most, bytes);
  }
  return most;
}

std::uint64_t RankPlans::needed(std::span<const int> ranks) const {
  std::uint64_t most = 0;
  for (std::size_t stage = 0; stage < plans_.front().stages.size(); ++stage) {
    std::set<int> teams;
    std::uint64_t bytes = 0;
    for (const int rank : ranks) {
      const StageMemory& takes = of(rank).stages[stage];
      bytes += takes.peak - takes.shared;
      if (teams.insert(rank % period_).second) bytes += takes.shared;
    }
    most = std::max(most, bytes);
  }
  return most;
}

std::size_t RankPlans::fitting(std::span<const int> ranks, std::uint64_t available) const {
  const auto counts = std::views::iota(std::size_t{1}, ranks.size() + 1);
  const auto first_too_many = std::ranges::partition_point(
      counts, [&](std::size_t count) { return needed(ranks.first(count)) <= available; });
  return static_cast<std::size_t>(first_too_many - counts.begin());
}

RankPlans RankPlans::without_sharing() const {
  RankPlans plans = *this;
  for (MemoryPlan& plan : plans.plans_) {
    for (StageMemory& stage : plan.stages) stage.shared = 0;
  }
  return plans;
}

RankPlans RankPlans::beside_devices() const {
  RankPlans plans = *this;
  for (MemoryPlan& plan : plans.plans_) {
    const std::uint64_t bytes = plan.beside_device;
    plan = {.components = {},
            .stages = {{.name = "host", .components = {}, .weights = bytes, .peak = bytes}}};
  }
  return plans;
}

RankPlans plan_ranks(const PreparedJob& job, const dist::Mesh& mesh) {
  return {MemoryPlanner{job}, job.manifest.pipeline, mesh};
}

std::vector<Alternative> alternatives(const PreparedJob& job, configs::PipelineConfig pipeline,
                                      const dist::Mesh& mesh) {
  if (job.family == nullptr) return {};
  const MemoryPlanner planner{job};
  std::vector<Alternative> found;
  std::uint64_t least = RankPlans{planner, pipeline, mesh}.peak();
  std::string change;
  const auto consider = [&](const std::string& also) {
    change += change.empty() ? also : " with " + also;
    RankPlans plans{planner, pipeline, mesh};
    const std::uint64_t peak = plans.peak();
    if (peak < least) found.push_back({.change = change, .peak = peak, .plans = std::move(plans)});
    least = std::min(least, peak);
  };
  configs::ComponentConfig& text_encoder = pipeline.components.at("text_encoder");
  if (!text_encoder.offload.any()) {
    text_encoder.offload = {.type = configs::OffloadType::stages};
    consider("components.text_encoder.offload: stages");
  }
  for (auto& [name, component] : pipeline.components) {
    if (!name.starts_with("transformer") || component.offload.any() || pipeline.parallel.fsdp) continue;
    component.offload = {.type = configs::OffloadType::async};
    consider("components." + name + ".offload: async (slower)");
  }
  configs::Dtype& vae = pipeline.components.at("vae").dtype;
  if (!job.cpu.native_bfloat16 && vae == configs::Dtype::bfloat16) {
    vae = configs::Dtype::float32;
    consider("components.vae.dtype: float32 (other results)");
  }
  for (const std::string_view known : configs::component_names()) {
    const std::string name{known};
    const auto component = pipeline.components.find(name);
    if (component == pipeline.components.end() || component->second.dtype == configs::Dtype::bfloat16)
      continue;
    // Its convolutions would take more, not less.
    if (name == "vae" && !job.cpu.native_bfloat16) continue;
    component->second.dtype = configs::Dtype::bfloat16;
    consider("components." + name + ".dtype: bfloat16 (other results)");
  }
  return found;
}

std::string rank_list(const std::vector<int>& ranks) {
  std::string text;
  std::size_t pieces = 0;
  for (std::size_t first = 0; first < ranks.size();) {
    std::size_t last = first;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    if (pieces++ == most_pieces) return text + " and " + std::to_string(ranks.size() - first) + " more";
    extend_list(text, std::to_string(ranks[first]));
    if (last > first) text += "-" + std::to_string(ranks[last]);
    first = last + 1;
  }
  return text;
}

}  // namespace ditmill::jobs::plan

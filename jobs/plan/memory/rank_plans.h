#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dist/mesh.h"
#include "jobs/plan/memory/memory_plan.h"

namespace ditmill::jobs::plan {

/// What every rank of a mesh takes. Ranks that hold alike share a plan: those of the same pipeline stage and
/// the same tp slice, for the other axes share out evenly or from above.
class RankPlans {
 public:
  /// `pipeline` in place of the job's; its degrees are the mesh's.
  RankPlans(const MemoryPlanner& planner, const configs::PipelineConfig& pipeline, const dist::Mesh& mesh);
  /// Ranks that all take the same.
  explicit RankPlans(MemoryPlan every);

  const MemoryPlan& of(int rank) const;
  /// Of the rank that takes most.
  const MemoryPlan& largest() const;
  std::uint64_t peak() const { return largest().peak(); }

  /// What these ranks of one machine take together, where those of equal plans share what they can.
  std::uint64_t needed(std::span<const int> ranks) const;
  /// How many of them, the first ones, fit into so many bytes together.
  std::size_t fitting(std::span<const int> ranks, std::uint64_t available) const;
  /// Bytes that such ranks share, at most at a time.
  std::uint64_t shared(std::span<const int> ranks) const;
  /// The same plans for ranks of which each has all of its weights for itself.
  RankPlans without_sharing() const;
  /// What the ranks take of their hosts' memory where they compute on devices.
  RankPlans beside_devices() const;

 private:
  int period_ = 1;  ///< ranks one after the other whose plans repeat
  std::vector<MemoryPlan> plans_;
};

/// The plans of the job as its manifest says.
RankPlans plan_ranks(const PreparedJob& job, const dist::Mesh& mesh);

/// Another way to run the same job.
struct Alternative {
  std::string change;                   ///< what to write: "components.text_encoder.offload: stages"
  std::uint64_t peak = 0;               ///< of the rank that takes most
  std::optional<RankPlans> plans = {};  ///< of all ranks
};

/// What takes less than the job as `pipeline` says, the mildest change first; its degrees are the mesh's.
std::vector<Alternative> alternatives(const PreparedJob& job, configs::PipelineConfig pipeline,
                                      const dist::Mesh& mesh);

/// "0-3, 8": ranks in ascending order, at most a few pieces, then how many more.
std::string rank_list(const std::vector<int>& ranks);

}  // namespace ditmill::jobs::plan

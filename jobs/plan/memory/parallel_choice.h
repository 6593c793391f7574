#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "jobs/plan/memory/memory_shortage.h"
#include "jobs/plan/memory/rank_plans.h"

namespace ditmill::jobs::plan {

/// What `parallel: auto` has to make do with.
struct Room {
  int world = 1;
  int ranks_per_machine = 1;           ///< what tp x ulysses has to divide, so that no team leaves a machine
  std::optional<std::uint64_t> bytes;  ///< that a rank may take; none: no bound is known
  std::string source;                  ///< of that bound: "MemAvailable of /proc/meminfo of node1"
  int machines = 1;
  std::uint64_t shareable = 0;  ///< bytes that the ranks of each machine can share
};

/// The room of ranks whose bounds are known: the tightest bound, shared evenly by the ranks that are in it.
Room room_of(std::span<const RankMemory> ranks);

/// The job's pipeline with the transformers that share the steps of a model coming and going, each for its
/// turn (offload: stages); none where there are not several, one has an offload already, or fsdp shards them.
std::optional<configs::PipelineConfig> by_turns(const PreparedJob& job);
/// What a rank takes at most as `pipeline` says, whose degrees fit the room's world.
std::uint64_t peak_of(const MemoryPlanner& planner, const configs::PipelineConfig& pipeline,
                      const Room& room);

/// A layout, and why it is this one.
struct ParallelChoice {
  configs::ParallelConfig degrees;  ///< dp is what the world leaves
  std::uint64_t peak = 0;           ///< of the rank that takes most
  bool fits = true;                 ///< false: nothing fits, and this comes nearest
  std::vector<std::string> reasons;
};

/// The layout of the fewest ranks a group with which a rank's plan fits into the room; among those of equally
/// many that which splits weights (tp) least, then keys and values (ring), then tokens and heads (ulysses);
/// cfg comes first. Where nothing fits, the same once more by_turns(). Equal arguments, equal choice.
ParallelChoice choose_parallel(const PreparedJob& job, const Room& room);

/// The Error to refuse the job with where the choice does not fit.
Error no_layout_fits(const PreparedJob& job, const Room& room, const ParallelChoice& best);

/// "cfg 2 x ulysses 2"; "dp only" for groups of one rank.
std::string describe(const configs::ParallelConfig& degrees);

}  // namespace ditmill::jobs::plan

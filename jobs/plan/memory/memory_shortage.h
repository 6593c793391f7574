#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/plan/memory/rank_plans.h"

namespace ditmill::jobs::plan {

/// Where a rank runs, and what bounds it there.
struct RankMemory {
  std::string machine;  ///< machine_id()
  std::string name;     ///< of the machine, for people
  std::uint64_t resident = 0;
  std::vector<MemoryBound> bounds;
  std::uint64_t shareable = 0;  ///< bytes that ranks of the machine can share; on a device none
};

/// This process. `root` as for memory_bounds().
RankMemory this_rank(const std::string& root = {});
nlohmann::json to_json(const RankMemory& rank);
RankMemory rank_memory_from_json(const nlohmann::json& json);

/// A bound, and the ranks that share it.
struct SharedBound {
  std::string name;    ///< of the machine
  std::string source;  ///< of the bound
  std::uint64_t available = 0;
  std::vector<int> ranks;  ///< ascending

  std::uint64_t count() const noexcept { return ranks.size(); }
};

/// The bounds of all ranks, `ranks` in rank order: each once, the tightest for its ranks first.
std::vector<SharedBound> shared_bounds(std::span<const RankMemory> ranks);

/// The plans of ranks that load weights by `loading`: without sharing where nothing says that they will share
/// (automatic, on several machines), or a machine has too little /dev/shm for it.
RankPlans as_loaded(RankPlans plans, std::span<const RankMemory> ranks, configs::Strategy loading);

/// Whether every rank's plan fits within every bound: nothing, or the Error to refuse the job with, holding
/// the plan, the bound that is too tight, and what would fit. Its category is usage: on such machines the
/// same command would fail again, and it is the manifest or the launch that has to change.
std::optional<Error> memory_shortage(std::span<const RankMemory> ranks, const RankPlans& plans,
                                     std::span<const Alternative> alternatives);

}  // namespace ditmill::jobs::plan

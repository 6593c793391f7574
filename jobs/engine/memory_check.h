#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "jobs/memory_plan.h"

namespace ditmill::jobs {

/// What rank 0 wants to know of the machines before it has anything loaded.
struct MemoryDemand {
  MemoryPlan plan;
  std::vector<Alternative> alternatives;
};

/// Compares what the ranks of every machine will take with what the machine and their cgroups can give.
/// `demand` is rank 0's; none: nothing is refused. `root` as for memory_bounds(). Returns, on rank 0, the
/// most that a rank may come to, with what it holds already; 0 elsewhere. Collective. Throws the agreed
/// Error.
std::uint64_t check_memory(const dist::Communicator& comm, const std::optional<MemoryDemand>& demand,
                           const std::string& root = {});

}  // namespace ditmill::jobs

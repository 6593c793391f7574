#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "dist/comm/communicator.h"
#include "jobs/plan/memory/memory_shortage.h"

namespace ditmill::jobs::engine {

/// What rank 0 wants to know of the machines before it has anything loaded.
struct MemoryDemand {
  plan::RankPlans plans;  ///< of the mesh, whose ranks are those of the communicator
  std::vector<plan::Alternative> alternatives;
  configs::Strategy loading = configs::Strategy::broadcast;
};

/// What bounds a rank that computes on a CUDA device: the memory that the device has free.
plan::RankMemory on_device(const at::Device& device);

/// Compares what the ranks of every machine will take with what bounds them: of `here`, this rank's, by the
/// machine and its cgroups (this_rank()) or by its device. `demand` is rank 0's; none: nothing is refused.
/// Returns, on rank 0, the most that a rank may come to, with what it holds already; 0 elsewhere.
/// Collective. Throws the agreed Error.
std::uint64_t check_memory(const dist::Communicator& comm, const std::optional<MemoryDemand>& demand,
                           const plan::RankMemory& here);

}  // namespace ditmill::jobs::engine

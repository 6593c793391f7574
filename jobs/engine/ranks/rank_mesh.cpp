#include "jobs/engine/ranks/rank_mesh.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "dist/placement.h"
#include "jobs/engine/ranks/rank_device.h"
#include "jobs/engine/ranks/threads.h"

namespace ditmill::jobs::engine {

RankMesh connect_ranks(const dist::Communicator& world, const configs::ParallelConfig& degrees,
                       const at::Device& device) {
  const dist::Mesh mesh{world.size(), degrees};
  const dist::Placement placement = dist::place_ranks(mesh, machines_of(world));
  for (const dist::Axis axis : {dist::Axis::tp, dist::Axis::ulysses}) {
    if (world.rank() != 0 || placement.crossing_on(axis) == 0) continue;
    spdlog::warn("{} teams of {} have ranks on several machines: a smaller degree would keep them inside one",
                 placement.crossing_on(axis), dist::name(axis));
  }
  const int place = placement.mesh_ranks[static_cast<std::size_t>(world.rank())];
  dist::Communicator ranks = world.split(0, place, dist::Purpose::plan);
  dist::ParallelContext parallel{mesh, ranks, tensor_carrier(device)};
  return {.ranks = std::move(ranks), .parallel = std::move(parallel)};
}

}  // namespace ditmill::jobs::engine

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "dist/comm/communicator.h"
#include "dist/weights/machine_ring.h"

namespace ditmill::dist {

/// Which ranks share a machine, and the communicators that loading needs. Made once a job. Move-only.
class Nodes {
 public:
  /// `machine` is equal on ranks of one machine, and on no others. Collective over `world`, which outlives
  /// it.
  Nodes(const Communicator& world, const std::string& machine);

  const Communicator& world() const noexcept { return *world_; }
  /// The ranks of this machine, in the order of their ranks in the world.
  const Communicator& local() const noexcept { return local_; }
  /// The first ranks of all machines, in the order of the machines. Only they may ask for it.
  const Communicator& leaders() const noexcept { return leaders_; }
  int count() const noexcept { return count_; }  ///< of machines
  /// A number for the next load: the same on all ranks, which load the same in the same order.
  int next_load() const noexcept { return ++loads_; }
  /// Bytes of weights that this rank gave others so far, or got by a broadcast.
  std::uint64_t weight_bytes_given() const;
  int node() const noexcept { return node_; }  ///< this one, in the order of their first ranks
  /// Frames that the ranks of this machine share, at least so many: made by the first load that needs them,
  /// and kept for the next. Null where /dev/shm has no room for them: ring_refused() says so. Collective over
  /// local().
  MachineRing* ring(std::size_t frames) const;
  /// Why there is no ring; empty: there is.
  const std::string& ring_refused() const noexcept { return ring_refused_; }

 private:
  Nodes(const Communicator& world, int node, int count)
      : world_(&world),
        node_(node),
        count_(count),
        local_(world.split(node, world.rank(), Purpose::plan)),
        leaders_(world.split(local_.rank() == 0 ? 0 : 1, world.rank(), Purpose::plan)) {}
  struct Found {
    int node = 0;
    int count = 0;
  };
  static Found find(const Communicator& world, const std::string& machine);
  Nodes(const Communicator& world, Found found) : Nodes(world, found.node, found.count) {}

  const Communicator* world_;
  int node_;
  int count_;
  Communicator local_;
  Communicator leaders_;  ///< on other ranks: those that lead nothing
  mutable int loads_ = 0;
  mutable std::unique_ptr<MachineRing> ring_;
  mutable std::string ring_refused_;
};

}  // namespace ditmill::dist

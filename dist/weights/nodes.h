#pragma once

#include <cstdint>
#include <string>

#include "dist/comm/communicator.h"

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
};

}  // namespace ditmill::dist

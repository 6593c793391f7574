#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "dist/plan/plan.h"
#include "dist/weights/nodes.h"
#include "dist/weights/source/schedule.h"
#include "registry/digest.h"

namespace ditmill::dist {

/// The digests of a plan's chunks as this machine's ranks found them, each of some chunks, beside those of
/// the first machine.
class MachineLeaves {
 public:
  /// `mine`: those of this rank; one rank's behind the other's they are those of `chunks`. Plan and chunks
  /// outlive it. Collective.
  MachineLeaves(const Nodes& nodes, const ComponentPlan& plan, const std::vector<Chunk>& chunks,
                std::span<const registry::Leaf> mine);

  registry::Leaf here(std::size_t chunk) const;
  /// Throws Error(communication) if a chunk's digest is not that of the first machine.
  void expect(std::size_t chunk, const registry::Leaf& found) const;
  /// The same, of all that were found here.
  void expect_same() const;
  /// By chunk, whether any machine found another digest than the first: the same on all ranks. Collective.
  std::vector<bool> differing(const Nodes& nodes) const;

 private:
  const ComponentPlan* plan_;
  const std::vector<Chunk>* chunks_;
  int rank_;
  std::string here_;  ///< leaf behind leaf
  std::string first_;
};

}  // namespace ditmill::dist

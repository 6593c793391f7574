#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "dist/mesh.h"

namespace ditmill::dist {

/// Which place in the mesh each rank of the world takes.
struct Placement {
  std::vector<int> mesh_ranks;  ///< of each world rank; world rank 0 has mesh rank 0
  /// How many teams of each axis have ranks on more than one machine, by Axis: those of tp, then ulysses,
  /// talk most.
  std::array<int, 6> crossing{};

  int crossing_on(Axis axis) const noexcept { return crossing[static_cast<std::size_t>(axis)]; }
};

/// Fills one machine after the other in the order tp, ulysses, pp, ring, cfg, dp, so that a tp team, then a
/// tp x ulysses block, stays inside a machine wherever the machines' counts of ranks allow it. `machines`: of
/// each world rank, as many as the mesh has ranks. A function of its arguments alone.
Placement place_ranks(const Mesh& mesh, std::span<const std::string> machines);

}  // namespace ditmill::dist

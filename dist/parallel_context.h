#pragma once

#include <functional>
#include <memory>

#include "dist/comm/communicator.h"
#include "dist/mesh.h"

namespace ditmill::dist {

/// Ranks that talk: those that differ on some axes only.
enum class Team {
  cfg,
  ring,
  ulysses,
  pp,
  tp,
  sequence,    ///< ring x ulysses: one item's tokens, in their order
  parameters,  ///< cfg x ring x ulysses: the same slice of the weights
  clip,        ///< all of a dp group: one item
};
inline constexpr std::array<Team, 8> teams{Team::cfg, Team::ring,     Team::ulysses,    Team::pp,
                                           Team::tp,  Team::sequence, Team::parameters, Team::clip};

/// What a layer knows of the mesh: which heads, ffn columns and tokens are this rank's, and whom it talks to.
/// Layers size themselves by it and never ask for a rank. A value; copies share the communicators.
class ParallelContext {
 public:
  /// Without communicators: for a mesh of one rank, or to plan with.
  ParallelContext(Mesh mesh, int rank) : mesh_(std::move(mesh)), rank_(rank) {}
  /// Makes the communicators of all teams out of `world`, whose ranks are the mesh's. `carry` turns that of a
  /// team of several into the one that carries its tensors (NCCL's, on a device); none: they carry tensors
  /// themselves. Collective.
  ParallelContext(Mesh mesh, const Communicator& world,
                  const std::function<Communicator(const Communicator&)>& carry = {});

  const Mesh& mesh() const noexcept { return mesh_; }
  int rank() const noexcept { return rank_; }
  int degree(Axis axis) const noexcept { return mesh_.degree(axis); }
  int index(Axis axis) const noexcept { return mesh_.coordinate(rank_, axis); }
  /// Ranks of a team, and this rank's place among them: row-major by its axes.
  int size(Team team) const noexcept;
  int place(Team team) const noexcept;
  /// The team's tensors travel by it. Throws Error(internal) if the context was made without communicators.
  const Communicator& team(Team team) const;
  /// Host bytes and agreements of the team travel by it.
  const Communicator& host(Team team) const;
  /// This rank's part of `total` heads or columns on an axis; all of it where the degree is 1.
  Range part(Axis axis, std::int64_t total) const noexcept {
    return share(total, index(axis), mesh_.degree(axis));
  }
  /// What this rank's teams have said for one purpose, over all of them.
  Traffic traffic(Purpose why) const;

 private:
  struct Communicators;

  Mesh mesh_;
  int rank_;
  std::shared_ptr<const Communicators> communicators_;
};

}  // namespace ditmill::dist

#pragma once

#include "dist/mesh.h"

namespace ditmill::dist {

/// What a layer knows of the mesh: which heads, ffn columns and tokens are this rank's. Layers size
/// themselves by it and never ask for a rank.
class ParallelContext {
 public:
  ParallelContext(Mesh mesh, int rank) : mesh_(std::move(mesh)), rank_(rank) {}

  const Mesh& mesh() const noexcept { return mesh_; }
  int rank() const noexcept { return rank_; }
  /// This rank's part of `total` heads or columns on an axis; all of it where the degree is 1.
  Range part(Axis axis, std::int64_t total) const noexcept {
    return share(total, mesh_.coordinate(rank_, axis), mesh_.degree(axis));
  }

 private:
  Mesh mesh_;
  int rank_;
};

}  // namespace ditmill::dist

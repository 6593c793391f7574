#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "dist/comm/communicator.h"
#include "dist/mesh.h"

namespace ditmill::models {

/// The rows of a clip's pictures that a rank computes: whole latent rows, and at every level between latents
/// and pixels the rows that belong to them, so that halving and doubling never look beyond a slab by more
/// than a row. Rows are the last dimension but one of maps [..., H, W]. A value; the group outlives its
/// copies.
class Slab {
 public:
  /// The whole picture.
  Slab() = default;
  /// Rank i of the first n = min(ranks, latent_rows) has share(latent_rows, i, n); the others have no rows.
  /// Without a group: the whole picture.
  Slab(const dist::Communicator* group, std::int64_t latent_rows);

  /// Whether the picture is cut at all. If not, the calls below give back what they get.
  bool cut() const noexcept { return slabs_ > 1; }
  /// Whether this rank has rows. One that has none makes none of the calls that talk to others.
  bool any() const noexcept { return rows_of(rank_).size() > 0; }
  /// For each rank of the group, its rows where a latent row stands for `scale` of them.
  std::vector<std::int64_t> rows(std::int64_t scale) const;
  /// This rank's rows of maps that hold them all: a view.
  at::Tensor part(const at::Tensor& maps) const;

  /// This rank's rows with the neighbours' last `above` and first `below` ones around them (each 0 or 1);
  /// zeros beyond the picture. Collective among the ranks that have rows.
  at::Tensor with_halo(const at::Tensor& maps, std::int64_t above, std::int64_t below) const;
  /// The parts of all slabs side by side along `dim`, of which a latent row takes up `scale`. Collective
  /// among the ranks that have rows.
  at::Tensor all_rows(const at::Tensor& part, std::int64_t dim, std::int64_t scale) const;
  /// The same on the group's rank 0 only; undefined elsewhere.
  at::Tensor rows_on_first(const at::Tensor& part, std::int64_t dim, std::int64_t scale) const;

 private:
  dist::Range rows_of(int rank) const noexcept;
  at::Tensor gather(const at::Tensor& part, std::int64_t dim, std::int64_t scale, int receivers) const;

  const dist::Communicator* group_ = nullptr;
  std::int64_t latent_rows_ = 1;
  int rank_ = 0;
  int slabs_ = 1;
};

}  // namespace ditmill::models

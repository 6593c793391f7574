#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/mesh.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/plan.h"

namespace ditmill::dist {

/// Whether a component with plan.offload comes and goes as a whole: it has no blocks, or is not to go by
/// them.
bool comes_whole(const ComponentPlan& plan) noexcept;
/// The blocks of a rank's stage that come and go. Of type async the first max(prefetch, (1 - ratio) of them)
/// stay (TeleFuser, offload/async_offload.py).
Range offloaded_layers(const ComponentPlan& plan, const Mesh& mesh, int rank) noexcept;

/// What a rank does not hold all the time, and gets as one when it is used.
struct Piece {
  static constexpr std::int64_t whole = -1;

  std::int64_t layer = whole;
  std::string name{};    ///< of the block; of a whole component empty
  BlockLayout layout{};  ///< names are within the block; of a whole component those of the layers

  /// What the layers' names of its tensors begin with.
  std::string prefix() const { return name.empty() ? "" : name + "."; }
};

/// The pieces of a component on a rank, in the order of the blocks; none without plan.offload.
std::vector<Piece> offloaded_pieces(const ComponentPlan& plan, const Mesh& mesh, int rank);

/// A plan that makes a piece's tensors, from those tensors of the files that they are made of, and no others.
ComponentPlan plan_of(const Piece& piece, const ComponentPlan& plan);

}  // namespace ditmill::dist

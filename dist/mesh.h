#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/comm/share.h"

namespace ditmill::dist {

/// The axes of the mesh, slowest first: ranks are numbered row-major, tp fastest.
enum class Axis { dp, cfg, ring, ulysses, pp, tp };
inline constexpr std::array<Axis, 6> axes{Axis::dp, Axis::cfg, Axis::ring, Axis::ulysses, Axis::pp, Axis::tp};
std::string_view name(Axis axis) noexcept;

/// Who has which coordinate: a value, the same on every rank.
class Mesh {
 public:
  /// Throws Error(usage) with the degrees that would fit if their product is not `world`; dp `auto` takes
  /// what the other axes leave.
  Mesh(int world, const configs::ParallelConfig& degrees);

  int world() const noexcept { return world_; }
  int degree(Axis axis) const noexcept { return degrees_[static_cast<std::size_t>(axis)]; }
  /// Ranks of one dp group.
  int group_size() const noexcept { return world_ / degree(Axis::dp); }
  int coordinate(int rank, Axis axis) const noexcept;
  int rank_at(const std::array<int, 6>& coordinates) const noexcept;
  /// The ranks that differ from `rank` on this axis only, in the order of that axis; `rank` is among them.
  std::vector<int> peers(int rank, Axis axis) const;

 private:
  int world_;
  std::array<int, 6> degrees_;
};

}  // namespace ditmill::dist

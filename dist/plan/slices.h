#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dist/plan/plan.h"

namespace ditmill::dist {

/// What a rank holds of a tensor of the layers, fsdp aside (block_layout.h).
struct Slice {
  bool held = true;                  ///< false: it is another pipeline stage's, or comes and goes
  int dim = ShardRule::whole;        ///< that is cut; whole: none is
  Range range{};                     ///< along dim
  std::vector<std::uint64_t> shape;  ///< of what is held; nothing of it if it is not held
};

/// The slice of a rank, by the plan's rule for the tensor. Throws Error(internal) if the tensor lacks the
/// dimension that its rule cuts.
Slice slice_of(const ComponentPlan& plan, const Mesh& mesh, int rank, std::string_view tensor,
               std::span<const std::uint64_t> shape);

/// The part of it that tp leaves to a rank, whatever its stage. Throws as slice_of() does.
Slice tp_slice(const ShardRule& rule, const Mesh& mesh, int rank, std::string_view tensor,
               std::span<const std::uint64_t> shape);

/// Elements of a shape; 1 for a scalar.
std::uint64_t elements_of(std::span<const std::uint64_t> shape) noexcept;

}  // namespace ditmill::dist

#pragma once

#include <cstdint>

#include "dist/mesh.h"

namespace ditmill::dist {

/// Which pipeline stages hold a tensor.
enum class Stages { all, first, last, of_layer };

/// Which part of a tensor of the layers a rank holds: said by the model's family for every tensor, without
/// knowing the mesh.
struct ShardRule {
  static constexpr int whole = -1;

  int dim = whole;        ///< the dimension that tp cuts; whole: every tp rank holds all of it
  std::int64_t unit = 1;  ///< rows that stay together along it: a head's
  Stages stages = Stages::all;
  std::int64_t layer = -1;  ///< of the transformer's blocks: with of_layer; fsdp shards blocks

  bool operator==(const ShardRule&) const = default;
};

/// The range of `total` along rule.dim that a tp rank holds: share() of its units, the last of which may be
/// short. All of it if whole.
Range tp_range(const ShardRule& rule, std::int64_t total, int index, int degree) noexcept;

/// The blocks of a pipeline stage.
Range stage_layers(std::int64_t layers, int stage, int stages) noexcept;

}  // namespace ditmill::dist

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "dist/comm/communicator.h"
#include "models/vae/tiles.h"

namespace ditmill::models {

/// Maps of `shape` [1, C, T, H, W] blended of tiles as blend_tiles() does, the tiles made by the ranks of
/// `group` in turn (nullptr: all by this one): each a whole tile, so the bytes are those of a single rank.
/// They come on the group's rank 0; on the others, maps of no rows. Tiles that are under way do not keep
/// their makers from the next one. Collective.
at::Tensor deal_tiles(const std::vector<std::int64_t>& shape, const at::TensorOptions& options,
                      const TileGrid& grid, const MakeTile& make, const dist::Communicator* group);

}  // namespace ditmill::models

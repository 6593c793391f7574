#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "configs/pipeline_config.h"

namespace ditmill::models {

/// How one axis of a picture is cut: tiles of `size` (the last ones end with the picture), one every
/// `stride`.
struct TileAxis {
  std::int64_t size = 0;
  std::int64_t stride = 0;

  std::int64_t blend() const noexcept { return size - stride; }
};

/// How a picture is cut, in its own pixels.
struct TileGrid {
  TileAxis height;
  TileAxis width;

  /// Whether a picture is larger than one tile, and so has to be cut.
  bool cuts(std::int64_t picture_height, std::int64_t picture_width) const noexcept {
    return picture_height > height.size || picture_width > width.size;
  }
  /// The grid of a picture whose axes are so many times as long.
  TileGrid times(std::int64_t scale) const noexcept;
  /// The part of maps [..., H, W] under the tile of that row and column: a view.
  at::Tensor part(const at::Tensor& maps, std::int64_t row, std::int64_t column) const;
};

/// The grids of one tiling: of pixels, and of the latent pixels that stand for `scale` pixels each.
struct TileGrids {
  TileGrid pixels;
  TileGrid latents;
};

/// Throws Error(bad_input) for sizes and strides that are no multiples of `scale`, or strides above the size.
TileGrids tile_grids(const configs::VaeTiling& tiling, std::int64_t scale);

/// Gives the tile of a row and column of the grid as maps [1, C, T, h, w] that nobody else holds.
using MakeTile = std::function<at::Tensor(std::int64_t row, std::int64_t column)>;

/// Fills `out` [1, C, T, H, W] with tiles, made row by row and blended as diffusers' tiled VAE blends: over
/// size - stride pixels (less where a tile is smaller), linearly into the tile above, then into the one on
/// the left, as those are after their own blending. Of earlier tiles only the edges to blend with are kept.
void blend_tiles(const at::Tensor& out, const TileGrid& grid, const MakeTile& make);

}  // namespace ditmill::models

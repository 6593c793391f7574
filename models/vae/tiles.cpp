#include "models/vae/tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"

namespace ditmill::models {
namespace {

constexpr std::int64_t vertical = 3;
constexpr std::int64_t horizontal = 4;

/// The lines of `edge`, which end where the tile's neighbour ends, fade into the tile's first ones.
void blend(const at::Tensor& edge, at::Tensor& tile, std::int64_t axis) {
  const std::int64_t extent = std::min(edge.size(axis), tile.size(axis));
  const std::int64_t first = edge.size(axis) - extent;
  for (std::int64_t i = 0; i < extent; ++i) {
    // Each product is rounded to the tile's dtype, as in diffusers.
    const double share = static_cast<double>(i) / static_cast<double>(extent);
    at::Tensor line = tile.select(axis, i);
    line.copy_(edge.select(axis, first + i) * (1 - share) + line * share);
  }
}

/// A copy of the last lines, so that the tile itself can be freed.
at::Tensor last_lines(const at::Tensor& tile, std::int64_t axis, std::int64_t most) {
  const std::int64_t count = std::min(most, tile.size(axis));
  return tile.narrow(axis, tile.size(axis) - count, count).clone();
}

TileAxis axis_of(const char* name, std::int64_t size, std::int64_t stride, std::int64_t scale) {
  if (size > 0 && stride > 0 && stride <= size && size % scale == 0 && stride % scale == 0)
    return {size, stride};
  throw Error{Category::bad_input, "cut the VAE's pictures into tiles",
              Where{.key = std::string("components.vae.tiling.") + name},
              Expected{"multiples of " + std::to_string(scale) + ", the stride at most the size"},
              Got{"size " + std::to_string(size) + ", stride " + std::to_string(stride)}};
}

TileAxis divided(const TileAxis& axis, std::int64_t scale) {
  return {axis.size / scale, axis.stride / scale};
}

at::Tensor cut(const at::Tensor& maps, std::int64_t axis, const TileAxis& tiles, std::int64_t index) {
  const std::int64_t begin = index * tiles.stride;
  return maps.narrow(axis, begin, std::min(tiles.size, maps.size(axis) - begin));
}

}  // namespace

at::Tensor TileGrid::part(const at::Tensor& maps, std::int64_t row, std::int64_t column) const {
  return cut(cut(maps, maps.dim() - 2, height, row), maps.dim() - 1, width, column);
}

TileGrid TileGrid::times(std::int64_t scale) const noexcept {
  return {{scale * height.size, scale * height.stride}, {scale * width.size, scale * width.stride}};
}

TileGrids tile_grids(const configs::VaeTiling& tiling, std::int64_t scale) {
  const TileGrid pixels{axis_of("height", tiling.height, tiling.stride_height, scale),
                        axis_of("width", tiling.width, tiling.stride_width, scale)};
  return {pixels, {divided(pixels.height, scale), divided(pixels.width, scale)}};
}

void blend_tiles(const at::Tensor& out, const TileGrid& grid, const MakeTile& make) {
  const std::int64_t height = out.size(vertical);
  const std::int64_t width = out.size(horizontal);
  std::vector<at::Tensor> above;  // of the row before: the lower edge of each tile
  for (std::int64_t row = 0, y = 0; y < height; ++row, y += grid.height.stride) {
    at::Tensor left;
    for (std::int64_t column = 0, x = 0; x < width; ++column, x += grid.width.stride) {
      at::Tensor tile = make(row, column);
      const auto index = static_cast<std::size_t>(column);
      if (row > 0) blend(above[index], tile, vertical);
      if (column > 0) blend(left, tile, horizontal);
      left = last_lines(tile, horizontal, grid.width.blend());
      above.resize(std::max(above.size(), index + 1));
      above[index] = last_lines(tile, vertical, grid.height.blend());
      const std::int64_t rows = std::min(grid.height.stride, height - y);
      const std::int64_t columns = std::min(grid.width.stride, width - x);
      out.narrow(vertical, y, rows)
          .narrow(horizontal, x, columns)
          .copy_(tile.narrow(vertical, 0, rows).narrow(horizontal, 0, columns));
    }
  }
}

}  // namespace ditmill::models

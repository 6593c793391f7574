#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "models/vae/tiles.h"

namespace ditmill::models {
namespace {

TileGrid square(std::int64_t size, std::int64_t stride) { return {{size, stride}, {size, stride}}; }

TEST(BlendTiles, GivesBackThePictureThatWasCut) {
  for (const TileGrid& grid :
       {square(8, 6), square(8, 8), square(7, 2), square(1, 1), TileGrid{{9, 3}, {4, 4}}}) {
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{1, 3, 2, 20, 13}, {1, 1, 1, 7, 30}, {1, 2, 1, 1, 1}, {1, 1, 3, 13, 8}}) {
      const at::Tensor picture = at::randn(shape);
      at::Tensor out = at::full(shape, 7.0);
      blend_tiles(out, grid, [&](std::int64_t row, std::int64_t column) {
        return grid.part(picture, row, column).clone();
      });
      EXPECT_TRUE(at::allclose(out, picture, 1e-5, 1e-6)) << picture.sizes();
    }
  }
}

TEST(BlendTiles, FadesLinearlyFromTheTileAboveAndOnTheLeft) {
  // Tiles of 4 every 2: the second one starts as the first, and is itself from the third line on.
  const std::vector<float> faded{0, 0, 0, 0.5, 1, 1};
  at::Tensor column = at::zeros({1, 1, 1, 6, 1});
  blend_tiles(column, {{4, 2}, {4, 2}}, [](std::int64_t row, std::int64_t) {
    return at::full({1, 1, 1, row < 2 ? 4 : 2, 1}, row == 0 ? 0.0F : 1.0F);
  });
  EXPECT_TRUE(at::equal(column.flatten(), at::tensor(faded)));
  at::Tensor line = at::zeros({1, 1, 1, 1, 6});
  blend_tiles(line, {{4, 2}, {4, 2}}, [](std::int64_t, std::int64_t across) {
    return at::full({1, 1, 1, 1, across < 2 ? 4 : 2}, across == 0 ? 0.0F : 1.0F);
  });
  EXPECT_TRUE(at::equal(line.flatten(), at::tensor(faded)));
}

TEST(BlendTiles, FadesOverNoMoreThanASmallLastTileHas) {
  // Tiles of 8 every 4 in a picture of 9: the last one has a line, wholly that of the tile before it.
  at::Tensor column = at::zeros({1, 1, 1, 9, 1});
  blend_tiles(column, {{8, 4}, {8, 4}}, [](std::int64_t row, std::int64_t) {
    return at::full({1, 1, 1, row == 0 ? 8 : 9 - 4 * row, 1}, static_cast<float>(row));
  });
  EXPECT_TRUE(
      at::equal(column.flatten(), at::tensor({0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.25F, 0.5F, 0.75F, 1.0F})));
}

TEST(BlendTiles, AsksForEveryTileOnceRowByRow) {
  std::vector<std::pair<std::int64_t, std::int64_t>> asked;
  const at::Tensor picture = at::zeros({1, 1, 1, 9, 13});
  at::Tensor out = at::zeros_like(picture);
  blend_tiles(out, square(6, 4), [&](std::int64_t row, std::int64_t column) {
    asked.emplace_back(row, column);
    return square(6, 4).part(picture, row, column).clone();
  });
  EXPECT_THAT(asked, testing::ElementsAre(testing::Pair(0, 0), testing::Pair(0, 1), testing::Pair(0, 2),
                                          testing::Pair(0, 3), testing::Pair(1, 0), testing::Pair(1, 1),
                                          testing::Pair(1, 2), testing::Pair(1, 3), testing::Pair(2, 0),
                                          testing::Pair(2, 1), testing::Pair(2, 2), testing::Pair(2, 3)));
}

TEST(TileGrids, CutOnlyWhatIsLargerThanATile) {
  const TileGrids grids = tile_grids({}, 8);
  EXPECT_FALSE(grids.pixels.cuts(256, 256));
  EXPECT_TRUE(grids.pixels.cuts(264, 16));
  EXPECT_TRUE(grids.pixels.cuts(16, 264));
  EXPECT_FALSE(grids.latents.cuts(32, 32));
  EXPECT_TRUE(grids.latents.cuts(33, 2));
  EXPECT_EQ(grids.pixels.height.blend(), 64);
  EXPECT_EQ(grids.latents.width.blend(), 8);
}

TEST(TileGrids, RefuseWhatLeavesGapsOrCutsLatentPixels) {
  for (const configs::VaeTiling& tiling : std::vector<configs::VaeTiling>{{.height = 260},
                                                                          {.width = 0},
                                                                          {.width = -8},
                                                                          {.stride_height = 100},
                                                                          {.stride_height = 0},
                                                                          {.height = 128},
                                                                          {.stride_width = 264}}) {
    try {
      tile_grids(tiling, 8);
      FAIL() << tiling.height << "x" << tiling.width;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(), testing::HasSubstr("components.vae.tiling."));
    }
  }
}

}  // namespace
}  // namespace ditmill::models

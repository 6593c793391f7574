#include "models/wan/rope.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/kernels/rotate_pairs.h"

namespace ditmill::models::wan {
namespace {

/// The angle of pair `pair` at a position, as the paper defines it: time has the pairs that are left over.
double angle(std::int64_t head_dim, std::int64_t pair, const Grid& position) {
  const std::int64_t space = 2 * (head_dim / 6);
  const std::int64_t time = head_dim - 2 * space;
  std::size_t axis = 0;
  std::int64_t width = time;
  if (pair >= time / 2) {
    axis = pair < (time + space) / 2 ? 1 : 2;
    pair -= axis == 1 ? time / 2 : (time + space) / 2;
    width = space;
  }
  return static_cast<double>(position[axis]) /
         std::pow(10000.0, 2.0 * static_cast<double>(pair) / static_cast<double>(width));
}

TEST(Rope, HasTheAnglesOfTimeHeightAndWidth) {
  const Grid grid{3, 5, 4};
  for (const std::int64_t head_dim : {128, 40, 24, 64, 6, 2}) {
    Rope rope(head_dim);
    const RopeTable& table = rope.table(grid);
    ASSERT_EQ(table.cos.sizes(), (at::IntArrayRef{1, 60, 1, head_dim / 2}));
    std::int64_t token = 0;
    for (std::int64_t t = 0; t < grid[0]; ++t) {
      for (std::int64_t h = 0; h < grid[1]; ++h) {
        for (std::int64_t w = 0; w < grid[2]; ++w, ++token) {
          for (std::int64_t pair = 0; pair < head_dim / 2; ++pair) {
            const double expected = angle(head_dim, pair, {t, h, w});
            ASSERT_NEAR(table.cos[0][token][0][pair].item<float>(), std::cos(expected), 1e-7) << head_dim;
            ASSERT_NEAR(table.sin[0][token][0][pair].item<float>(), std::sin(expected), 1e-7) << head_dim;
          }
        }
      }
    }
  }
}

TEST(Rope, ATableThatWasLetGoOfComesBackEqual) {
  Rope rope(24);
  const at::Tensor first = rope.table({2, 3, 4}).cos;
  for (std::int64_t edge = 1; edge < 20; ++edge) rope.table({1, edge, 1});
  const at::Tensor again = rope.table({2, 3, 4}).cos;
  EXPECT_FALSE(first.is_same(again)) << "nothing bounds the tables";
  EXPECT_TRUE(at::equal(first, again));
}

TEST(Rope, KeepsTheTableInUse) {
  Rope rope(24);
  const at::Tensor first = rope.table({2, 3, 4}).cos;
  for (std::int64_t edge = 1; edge < 20; ++edge) {
    rope.table({1, edge, 1});
    EXPECT_TRUE(first.is_same(rope.table({2, 3, 4}).cos));
  }
}

TEST(RotatePairs, TurnsNeighboursAndKeepsTheType) {
  const at::Tensor x = at::tensor({3.0F, 4.0F, 1.0F, 0.0F}).view({1, 1, 1, 4});
  const at::Tensor cos = at::tensor({0.0F, 1.0F}).view({1, 1, 1, 2});
  const at::Tensor sin = at::tensor({1.0F, 0.0F}).view({1, 1, 1, 2});
  EXPECT_TRUE(at::equal(kernels::rotate_pairs(x, cos, sin).flatten(), at::tensor({-4.0F, 3.0F, 1.0F, 0.0F})));
  EXPECT_EQ(kernels::rotate_pairs(x.to(at::kBFloat16), cos, sin).scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace ditmill::models::wan

#include "models/vae/wan_shortcuts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "models/vae/patches.h"

namespace ditmill::models {
namespace {

using Place = std::array<std::int64_t, 4>;  ///< channel, frame, row, column

float value_at(const at::Tensor& maps, const Place& p) {
  return maps.index({0, p[0], p[1], p[2], p[3]}).item<float>();
}

/// All places of maps [1, C, T, H, W].
std::vector<Place> places_of(const at::Tensor& maps) {
  std::vector<Place> places;
  for (std::int64_t c = 0; c < maps.size(1); ++c) {
    for (std::int64_t t = 0; t < maps.size(2); ++t) {
      for (std::int64_t h = 0; h < maps.size(3); ++h) {
        for (std::int64_t w = 0; w < maps.size(4); ++w) places.push_back({c, t, h, w});
      }
    }
  }
  return places;
}

/// The i-th of the values of a coarse place in finer maps: by channel, frame, row, column.
Place finer_place(std::int64_t i, const LevelStep& step, const Place& coarse) {
  const std::int64_t column = i % step.edge;
  const std::int64_t row = i / step.edge % step.edge;
  const std::int64_t frame = i / (step.edge * step.edge) % step.time;
  return {i / step.values(), coarse[1] * step.time + frame, coarse[2] * step.edge + row,
          coarse[3] * step.edge + column};
}

TEST(MeanOfFiner, TakesTheValuesOfAPlaceByChannelFrameRowAndColumn) {
  for (const LevelStep step : {LevelStep{2, 2}, LevelStep{1, 2}, LevelStep{2, 1}, LevelStep{1, 1}}) {
    for (const std::int64_t frames : {1, 2, 4}) {
      for (const std::int64_t channels : {6, 3}) {
        const at::Tensor x = at::randn({1, 6, frames, 4, 6});
        const at::Tensor coarse = mean_of_finer(x, channels, step);
        // What is left over has zeros before it.
        const std::int64_t zeros = frames % step.time == 0 ? 0 : 1;
        ASSERT_EQ(coarse.sizes(), (std::vector<std::int64_t>{1, channels, (frames + zeros) / step.time,
                                                             4 / step.edge, 6 / step.edge}));
        const std::int64_t each = 6 * step.values() / channels;
        for (const Place& place : places_of(coarse)) {
          float sum = 0;
          for (std::int64_t i = 0; i < each; ++i) {
            Place from = finer_place(place[0] * each + i, step, place);
            from[1] -= zeros;
            if (from[1] >= 0) sum += value_at(x, from);
          }
          ASSERT_NEAR(value_at(coarse, place), sum / static_cast<float>(each), 1e-5);
        }
      }
    }
  }
}

TEST(AddCoarser, RepeatsEachChannelOverValuesByChannelFrameRowAndColumn) {
  for (const LevelStep step : {LevelStep{2, 2}, LevelStep{1, 2}}) {
    for (const auto& [in, out] : {std::pair{4, 4}, {4, 2}, {2, 6}, {8, 2}}) {
      for (const std::int64_t frames : {1, 2}) {
        const at::Tensor x = at::randn({1, in, frames, 3, 2});
        const at::Tensor before = at::randn({frames * step.time, out, 6, 4});
        at::Tensor y = before.clone().unsqueeze(0).permute({0, 2, 1, 3, 4});  // as an upsampler leaves it
        add_coarser(y, x, step);
        const at::Tensor added = y - before.unsqueeze(0).permute({0, 2, 1, 3, 4});
        const std::int64_t each = out * step.values() / in;
        for (const Place& place : places_of(x)) {
          for (std::int64_t i = 0; i < each; ++i) {
            const Place to = finer_place(place[0] * each + i, step, place);
            ASSERT_NEAR(value_at(added, to), value_at(x, place), 1e-5);
          }
        }
      }
    }
  }
}

TEST(AddCoarser, LeavesOutTheEarlierHalfOfAFrameThatIsNotDoubled) {
  const LevelStep step{2, 2};
  const at::Tensor x = at::randn({1, 8, 1, 3, 2});
  at::Tensor doubled = at::zeros({1, 4, 2, 6, 4});
  add_coarser(doubled, x, step);
  at::Tensor first = at::zeros({1, 4, 1, 6, 4});
  add_coarser(first, x, step);
  EXPECT_TRUE(at::equal(first, doubled.narrow(2, 1, 1)));
  EXPECT_FALSE(at::equal(first, doubled.narrow(2, 0, 1)));
}

TEST(Patches, OrderAPatchByChannelColumnAndRow) {
  const std::int64_t edge = 2;
  const at::Tensor pixels = at::randn({1, 3, 2, 4, 6});
  const at::Tensor patches = to_patches(pixels, edge);
  ASSERT_EQ(patches.sizes(), (std::vector<std::int64_t>{1, 12, 2, 2, 3}));
  for (const auto& [c, t, h, w] : places_of(pixels)) {
    const Place place{c * 4 + w % edge * edge + h % edge, t, h / edge, w / edge};
    ASSERT_EQ(value_at(patches, place), value_at(pixels, {c, t, h, w}));
  }
}

TEST(Patches, ComeBackAsTheirPixels) {
  for (const std::int64_t edge : {1, 2, 3}) {
    const at::Tensor pixels = at::randn({1, 3, 2, 6, 12});
    EXPECT_TRUE(at::equal(to_pixels(to_patches(pixels, edge), edge), pixels));
    at::Tensor out = at::zeros_like(pixels);
    put_patches(to_patches(pixels, edge), out);
    EXPECT_TRUE(at::equal(out, pixels));
  }
}

}  // namespace
}  // namespace ditmill::models

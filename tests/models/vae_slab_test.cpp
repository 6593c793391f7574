#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "configs/error.h"
#include "dist/comm/threads.h"
#include "models/vae/dealt_tiles.h"
#include "models/vae/slab.h"
#include "models/vae/wan_decoder.h"
#include "models/vae/wan_encoder.h"
#include "tests/models/tensor_peak.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models {
namespace {

constexpr configs::VaeTiling tiling{.height = 16, .width = 24, .stride_height = 8, .stride_width = 16};

/// What each rank of a group of threads gets.
std::vector<at::Tensor> on_ranks(int ranks,
                                 const std::function<at::Tensor(const dist::Communicator&)>& body) {
  std::vector<at::Tensor> results(static_cast<std::size_t>(ranks));
  dist::run_on_threads(ranks, [&](const dist::Communicator& group) {
    const c10::InferenceMode inference;
    results[static_cast<std::size_t>(group.rank())] = body(group);
  });
  return results;
}

/// The largest difference, relative to the largest value.
double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kDouble);
  return ((got.to(at::kDouble) - wide).abs().max() / wide.abs().max()).item<double>();
}

double mean_error(const at::Tensor& got, const at::Tensor& expected) {
  return (got.to(at::kDouble) - expected.to(at::kDouble)).abs().mean().item<double>();
}

WeightsView weights(const dist::TensorMap& tensors, at::ScalarType dtype = at::kFloat) {
  dist::TensorMap cast;
  for (const auto& [name, tensor] : tensors) cast[name] = tensor.to(dtype);
  return {cast, "vae"};
}

TEST(Slab, OfEveryRankTogetherIsThePictureAndLaterRanksHaveNone) {
  const at::Tensor picture = at::randn({1, 2, 3, 10, 4});  // five latent rows, each of two
  for (const int ranks : {1, 2, 3, 5, 8}) {
    const std::vector<at::Tensor> parts =
        on_ranks(ranks, [&](const auto& group) { return Slab(&group, 5).part(picture); });
    EXPECT_TRUE(at::equal(at::cat(parts, 3), picture));
    for (std::size_t rank = 5; rank < parts.size(); ++rank) EXPECT_EQ(parts[rank].size(3), 0);
  }
  EXPECT_TRUE(at::equal(Slab(nullptr, 5).part(picture), picture));
  EXPECT_FALSE(Slab(nullptr, 5).cut());
}

TEST(Slab, SeesItsNeighboursRowsAndZerosBeyondThePicture) {
  const at::Tensor picture = at::randn({1, 2, 3, 10, 4});
  for (const auto& [above, below] : {std::pair{1, 1}, {0, 1}, {1, 0}}) {
    const at::Tensor padded = at::constant_pad_nd(picture, {0, 0, above, below});
    for (const int ranks : {2, 3, 5, 8}) {
      on_ranks(ranks, [&, above = above, below = below](const auto& group) {
        const Slab slab(&group, 5);
        if (!slab.any()) return at::Tensor();
        const at::Tensor rows = slab.part(picture);
        const std::int64_t begin = (rows.storage_offset() - picture.storage_offset()) / 4;
        at::Tensor seen = slab.with_halo(rows, above, below);
        EXPECT_TRUE(at::equal(seen, padded.narrow(3, begin, rows.size(3) + above + below)));
        return seen;
      });
    }
  }
}

/// Latent frames, latent rows, ranks.
using Clip = std::tuple<int, int, int>;

/// A clip, and whether the VAE is Wan 2.2's.
class VaeSlabs : public ::testing::TestWithParam<std::tuple<Clip, bool>> {
 protected:
  std::int64_t frames() const { return std::get<0>(clip()); }
  std::int64_t rows() const { return std::get<1>(clip()); }
  int ranks() const { return std::get<2>(clip()); }
  std::int64_t scale() const { return dims_.spatial_scale(); }

  at::Tensor latents(std::int64_t columns = 3) const { return at::randn({4, frames(), rows(), columns}); }
  at::Tensor pixels(std::int64_t columns = 3) const {
    return at::rand({1, 3, 1 + 4 * (frames() - 1), scale() * rows(), scale() * columns}) * 2 - 1;
  }

  c10::InferenceMode inference_;
  WanVaeDims dims_ = std::get<1>(GetParam()) ? tiny_vae_22() : tiny_vae();
  dist::TensorMap tensors_ = random_vae_weights(dims_, true);

 private:
  static const Clip& clip() { return std::get<0>(GetParam()); }
};

TEST_P(VaeSlabs, DecodeToTheWholesPixels) {
  const WanDecoder decoder(weights(tensors_), to_json(dims_));
  const at::Tensor z = latents();
  const at::Tensor whole = decoder.decode(z);
  const std::vector<at::Tensor> parts =
      on_ranks(ranks(), [&](const auto& group) { return decoder.decode(z, {}, &group); });
  EXPECT_LT(relative_error(at::cat(parts, 2), whole), 1e-5);
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    const dist::Range range = dist::share(rows(), static_cast<int>(rank), std::min<int>(ranks(), rows()));
    EXPECT_EQ(parts[rank].size(2), static_cast<std::int64_t>(rank) < rows() ? scale() * range.size() : 0)
        << rank;
  }
}

TEST_P(VaeSlabs, GatherTheWholesFramesOnTheFirstRank) {
  const WanDecoder decoder(weights(tensors_), to_json(dims_));
  const at::Tensor z = latents();
  const at::Tensor whole = to_frames(decoder.decode(z));
  const std::vector<at::Tensor> frames = on_ranks(ranks(), [&](const auto& group) {
    return decoder.gather_frames(decoder.decode(z, {}, &group), z, {}, &group);
  });
  ASSERT_EQ(frames[0].sizes(), whole.sizes());
  ASSERT_EQ(frames[0].scalar_type(), at::kByte);
  const at::Tensor difference = (frames[0].to(at::kInt) - whole.to(at::kInt)).abs();
  EXPECT_LE(difference.max().item<int>(), 1);
  EXPECT_LE(difference.count_nonzero().item<std::int64_t>(), whole.numel() / 10'000 + 1);
  for (std::size_t rank = 1; rank < frames.size(); ++rank) EXPECT_FALSE(frames[rank].defined());
}

TEST_P(VaeSlabs, EncodeToTheWholesMomentsOnEveryRank) {
  const WanEncoder encoder(weights(tensors_), to_json(dims_));
  const at::Tensor x = at::cat({pixels(), pixels()});
  const at::Tensor whole = encoder.moments(x);
  const at::Tensor latents = encoder.encode(x);
  const std::vector<at::Tensor> moments =
      on_ranks(ranks(), [&](const auto& group) { return encoder.moments(x, {}, &group); });
  for (const at::Tensor& each : moments) {
    EXPECT_LT(relative_error(each, whole), 1e-5);
    EXPECT_TRUE(at::equal(each, moments[0]));
  }
  for (const at::Tensor& each :
       on_ranks(ranks(), [&](const auto& group) { return encoder.encode(x, {}, &group); })) {
    EXPECT_LT(relative_error(each, latents), 1e-5);
  }
}

TEST_P(VaeSlabs, AreAsExactInBfloat16AsTheWhole) {
  const WanDecoder decoder(weights(tensors_, at::kBFloat16), to_json(dims_));
  const WanDecoder exact(weights(tensors_, at::kDouble), to_json(dims_));
  const at::Tensor z = latents().to(at::kBFloat16);
  const std::vector<at::Tensor> parts =
      on_ranks(ranks(), [&](const auto& group) { return decoder.decode(z, {}, &group); });
  const at::Tensor expected = exact.decode(z);
  const at::Tensor whole = decoder.decode(z);
  EXPECT_LE(mean_error(at::cat(parts, 2), expected), 1.1 * mean_error(whole, expected));
  EXPECT_LE(relative_error(at::cat(parts, 2), whole), 0.03);
}

TEST_P(VaeSlabs, OfTilesAreTheBytesOfASingleRank) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const WanDecoder decoder(weights(tensors_, dtype), to_json(dims_));
    const WanEncoder encoder(weights(tensors_, dtype), to_json(dims_));
    const at::Tensor z = latents(9);
    const at::Tensor whole = decoder.decode(z, tiling);
    const at::Tensor frames = to_frames(whole);
    on_ranks(ranks(), [&](const auto& group) {
      at::Tensor decoded = decoder.decode(z, tiling, &group);
      const at::Tensor gathered = decoder.gather_frames(decoded, z, tiling, &group);
      if (group.rank() == 0) {
        EXPECT_TRUE(at::equal(decoded, whole));
        EXPECT_TRUE(at::equal(gathered, frames));
      } else {
        EXPECT_EQ(decoded.size(2), 0);
        EXPECT_FALSE(gathered.defined());
      }
      return decoded;
    });
    const at::Tensor x = pixels(9);
    const at::Tensor moments = encoder.moments(x, tiling);
    for (const at::Tensor& each :
         on_ranks(ranks(), [&](const auto& group) { return encoder.moments(x, tiling, &group); })) {
      EXPECT_TRUE(at::equal(each, moments));
    }
  }
}

std::string clip_name(const ::testing::TestParamInfo<std::tuple<Clip, bool>>& info) {
  const auto& [frames, rows, ranks] = std::get<0>(info.param);
  return std::to_string(frames) + "Frames" + std::to_string(rows) + "Rows" + std::to_string(ranks) + "Ranks";
}

INSTANTIATE_TEST_SUITE_P(Clips, VaeSlabs,
                         ::testing::Combine(::testing::Values(Clip{1, 6, 2}, Clip{2, 5, 2}, Clip{3, 7, 3},
                                                              Clip{2, 9, 4}, Clip{2, 3, 4}, Clip{2, 5, 8},
                                                              Clip{1, 1, 3}, Clip{3, 8, 8}),
                                            ::testing::Values(false)),
                         clip_name);
INSTANTIATE_TEST_SUITE_P(ClipsOfWan22, VaeSlabs,
                         ::testing::Combine(::testing::Values(Clip{1, 6, 2}, Clip{3, 7, 3}, Clip{2, 3, 4},
                                                              Clip{1, 1, 3}),
                                            ::testing::Values(true)),
                         clip_name);

TEST(DealtTiles, ComeInOrderFromTheRanksInTurn) {
  const TileGrid grid{{6, 4}, {6, 4}};
  const at::Tensor picture = at::randn({1, 2, 3, 13, 9});
  at::Tensor alone = at::empty_like(picture);
  blend_tiles(alone, grid, [&](std::int64_t row, std::int64_t column) {
    return grid.part(picture, row, column) * static_cast<double>(1 + row + column);
  });
  for (const int ranks : {1, 2, 3, 5, 20}) {
    const std::vector<at::Tensor> out = on_ranks(ranks, [&](const auto& group) {
      std::int64_t turn = group.rank();
      return deal_tiles(
          picture.sizes().vec(), picture.options(), grid,
          [&](std::int64_t row, std::int64_t column) {
            EXPECT_EQ(3 * row + column, turn);
            turn += ranks;
            return grid.part(picture, row, column) * static_cast<double>(1 + row + column);
          },
          &group);
    });
    EXPECT_TRUE(at::equal(out[0], alone)) << ranks;
    for (std::size_t rank = 1; rank < out.size(); ++rank) EXPECT_EQ(out[rank].numel(), 0);
  }
}

TEST(VaeGroup, RefusesOnAllRanksWhatOneRefuses) {
  const c10::InferenceMode inference;
  const dist::TensorMap tensors = random_vae_weights(tiny_vae(), true);
  const WanDecoder decoder(weights(tensors), to_json(tiny_vae()));
  const WanEncoder encoder(weights(tensors), to_json(tiny_vae()));
  on_ranks(3, [&](const auto& group) {
    EXPECT_THROW(decoder.decode(at::randn({5, 1, 3, 3}), {}, &group), Error);
    EXPECT_THROW(decoder.decode(at::randn({4, 1, 9, 9}), configs::VaeTiling{.height = 250}, &group), Error);
    EXPECT_THROW(encoder.moments(at::rand({1, 3, 1, 6, 8}), {}, &group), Error);
    return at::Tensor();
  });
}

TEST(VaeGroup, KeepsAQuarterOfTheMemoryOnEachOfFourRanks) {
  const c10::InferenceMode inference;
  for (const WanVaeDims& dims : {tiny_vae(), tiny_vae_22()}) {
    const dist::TensorMap tensors = random_vae_weights(dims, true);
    const WanDecoder decoder(weights(tensors), to_json(dims));
    const WanEncoder encoder(weights(tensors), to_json(dims));
    const at::Tensor z = at::randn({4, 2, 32, 8});
    const at::Tensor x = at::rand({1, 3, 5, 32 * dims.spatial_scale(), 8 * dims.spatial_scale()});
    TensorPeak& peak = TensorPeak::installed();
    const std::uint64_t decoding = peak.of([&] { decoder.decode(z); });
    const std::uint64_t encoding = peak.of([&] { encoder.moments(x); });
    on_ranks(4, [&](const auto& group) {
      // A slab's eight rows at full size are 32, and two around them in a layer's input.
      EXPECT_LT(peak.of_this_thread([&] { decoder.decode(z, {}, &group); }), decoding * 0.35);
      EXPECT_LT(peak.of_this_thread([&] { encoder.moments(x, {}, &group); }), encoding * 0.35);
      return at::Tensor();
    });
  }
}

}  // namespace
}  // namespace ditmill::models

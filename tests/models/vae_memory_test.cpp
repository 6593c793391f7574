#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_decoder.h"
#include "models/vae/wan_encoder.h"
#include "models/wan/sizes.h"
#include "tests/models/tensor_peak.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models {
namespace {

constexpr configs::VaeTiling tiling{.height = 32, .width = 48, .stride_height = 16, .stride_width = 32};
constexpr std::int64_t frames = 5;
constexpr std::int64_t latent_frames = 2;

/// Peaks of tensor memory while pictures of many sizes are decoded and encoded, by Wan's VAE 2.1 or 2.2.
/// Sizes are given for 2.1's latent pixels: 2.2's have twice the edge, and so as many latents and patches.
class VaeMemory : public ::testing::TestWithParam<std::tuple<configs::Dtype, bool>> {
 protected:
  void SetUp() override { TensorPeak::installed(); }

  configs::Dtype config_dtype() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const {
    return config_dtype() == configs::Dtype::bfloat16 ? at::kBFloat16 : at::kFloat;
  }
  WeightsView weights() const { return {random_vae_weights(dims_, true, dtype()), "vae"}; }

  std::uint64_t decoding(std::int64_t height, std::int64_t width,
                         const std::optional<configs::VaeTiling>& cut) const {
    const WanDecoder decoder(weights(), to_json(dims_));
    const at::Tensor latents = at::randn({16, latent_frames, height / 8, width / 8});
    return TensorPeak::installed().of([&] { decoder.decode(latents, scaled(cut)); });
  }
  std::uint64_t encoding(std::int64_t height, std::int64_t width,
                         const std::optional<configs::VaeTiling>& cut) const {
    const WanEncoder encoder(weights(), to_json(dims_));
    const at::Tensor pixels = at::rand({1, 3, frames, unit() * height, unit() * width}) * 2 - 1;
    // Tiles of pixels are tiles of as many patches there.
    return TensorPeak::installed().of([&] { encoder.encode(pixels, cut); });
  }
  std::uint64_t clip_bytes(std::int64_t height, std::int64_t width) const {
    return static_cast<std::uint64_t>(3 * frames * unit() * height * unit() * width) *
           at::elementSize(dtype());
  }
  int unit() const { return static_cast<int>(dims_.patch_size); }
  std::optional<configs::VaeTiling> scaled(std::optional<configs::VaeTiling> cut) const {
    if (!cut) return cut;
    for (int* edge : {&cut->height, &cut->width, &cut->stride_height, &cut->stride_width}) *edge *= unit();
    return cut;
  }

  c10::InferenceMode inference_;
  WanVaeDims dims_ = dims_of(std::get<1>(GetParam()));

 private:
  static WanVaeDims dims_of(bool residual) {
    WanVaeDims dims{.base_dim = 8,
                    .z_dim = 16,
                    .dim_mult = {1, 2, 4, 4},
                    .num_res_blocks = 1,
                    .temporal_downsample = {false, true, true},
                    .latents_mean = std::vector<double>(16, 0.0),
                    .latents_std = std::vector<double>(16, 1.0)};
    if (residual) {
      dims.is_residual = true;
      dims.decoder_base_dim = 12;
      dims.patch_size = 2;
    }
    return dims;
  }
};

TEST_P(VaeMemory, OfTiledDecodingIsThatOfATileAndThePixels) {
  const std::uint64_t tile = decoding(tiling.height, tiling.width, {});
  const std::uint64_t whole = decoding(96, 96, {});
  const std::uint64_t tiled = decoding(96, 96, tiling);
  // The tile's own pixels once more, the edges to blend with, and the latents: less than the pixels again.
  EXPECT_LE(tiled, tile + 2 * clip_bytes(96, 96));
  EXPECT_LT(tiled, whole / 3);
}

TEST_P(VaeMemory, OfTiledDecodingGrowsByThePixelsOnly) {
  const std::uint64_t growth = decoding(128, 64, tiling) - decoding(64, 64, tiling);
  EXPECT_GE(growth, clip_bytes(64, 64));
  EXPECT_LE(growth, clip_bytes(64, 64) * 5 / 4);  // a quarter for latents and what undoes their normalisation
}

TEST_P(VaeMemory, OfTiledEncodingIsThatOfATile) {
  const std::uint64_t tile = encoding(tiling.height, tiling.width, {});
  const std::uint64_t tiled = encoding(96, 96, tiling);
  EXPECT_LE(tiled, tile * 3 / 2);
  EXPECT_LT(tiled, encoding(96, 96, {}) / 4);
}

TEST_P(VaeMemory, OfTiledDecodingIsEstimatedFromAbove) {
  const WanDecoder decoder(weights(), to_json(dims_));
  configs::Request request;
  request.frames = frames;
  for (const auto& [height, width] : {std::pair{56, 64}, {40, 112}, {32, 48}, {48, 48}, {72, 32}}) {
    request.height = unit() * height;
    request.width = unit() * width;
    const at::Tensor latents = at::randn({16, latent_frames, height / 8, width / 8});
    const std::uint64_t peak =
        TensorPeak::installed().of([&] { to_frames(decoder.decode(latents, scaled(tiling))); });
    const std::uint64_t estimate =
        wan_decode_bytes(to_json(dims_), config_dtype(), this_cpu(), request, scaled(tiling));
    EXPECT_GE(estimate, peak) << height << "x" << width;
    EXPECT_LE(estimate, 4 * peak) << height << "x" << width;
    const std::uint64_t whole = wan_decode_bytes(to_json(dims_), config_dtype(), this_cpu(), request);
    if (height > tiling.height || width > tiling.width) {
      EXPECT_LT(estimate, whole) << height << "x" << width;
    } else {
      EXPECT_EQ(estimate, whole) << height << "x" << width;
    }
  }
}

// What a run is planned by, which encodes pictures as well: decoding a clip of the same size.
TEST_P(VaeMemory, OfEncodingIsWithinTheEstimateOfDecoding) {
  configs::Request request;
  request.frames = frames;
  for (const auto& [height, width] : {std::pair{56, 64}, {40, 112}, {32, 48}, {72, 32}}) {
    request.height = unit() * height;
    request.width = unit() * width;
    for (const auto& cut : {std::optional<configs::VaeTiling>{}, std::optional{tiling}}) {
      EXPECT_LE(encoding(height, width, scaled(cut)),
                wan_decode_bytes(to_json(dims_), config_dtype(), this_cpu(), request, scaled(cut)))
          << height << "x" << width << (cut ? " tiled" : "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, VaeMemory,
                         ::testing::Combine(::testing::Values(configs::Dtype::float32,
                                                              configs::Dtype::bfloat16),
                                            ::testing::Bool()),
                         [](const auto& info) {
                           return std::string(configs::name(std::get<0>(info.param))) +
                                  (std::get<1>(info.param) ? "Of22" : "");
                         });

}  // namespace
}  // namespace ditmill::models

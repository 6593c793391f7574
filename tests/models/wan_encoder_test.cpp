#include "models/vae/wan_encoder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "models/vae/wan_decoder.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models {
namespace {

WanEncoder make_encoder(const WanVaeDims& dims = tiny_vae()) {
  return {WeightsView(random_vae_weights(dims, true), "vae"), to_json(dims)};
}

TEST(WanEncoder, AccountsWithTheDecoderForEveryTensor) {
  for (const WanVaeDims& dims : {tiny_vae(), tiny_vae_22()}) {
    const WeightsView view(random_vae_weights(dims, true), "vae");
    const WanDecoder decoder(view, to_json(dims));
    const WanEncoder encoder(view, to_json(dims));
    EXPECT_NO_THROW(view.finish());
  }
}

TEST(WanEncoder, MissesNoTensorSilently) {
  for (const char* name : {"quant_conv.bias", "encoder.conv_in.weight", "encoder.norm_out.gamma",
                           "encoder.down_blocks.1.resample.1.weight", "encoder.down_blocks.1.time_conv.bias",
                           "encoder.down_blocks.2.conv_shortcut.weight"}) {
    dist::TensorMap weights = random_vae_weights(tiny_vae(), true);
    ASSERT_EQ(weights.erase(name), 1U) << name;
    const WeightsView view(weights, "vae");
    const WanDecoder decoder(view, to_json(tiny_vae()));
    const WanEncoder encoder(view, to_json(tiny_vae()));
    EXPECT_THROW(view.finish(), Error) << name;
  }
}

TEST(WanEncoder, GivesALatentFrameForTheFirstAndForEachFourWholeOnesLater) {
  for (const auto& [dims, scale] : {std::pair{tiny_vae(), 4}, {tiny_vae_22(), 8}}) {
    const WanEncoder encoder = make_encoder(dims);
    for (const auto& [frames, latent_frames] :
         {std::pair{1, 1}, {2, 1}, {4, 1}, {5, 2}, {8, 2}, {9, 3}, {17, 5}}) {
      const at::Tensor moments = encoder.moments(at::rand({2, 3, frames, 2 * scale, 3 * scale}));
      EXPECT_EQ(moments.sizes(), (std::vector<std::int64_t>{2, 8, latent_frames, 2, 3})) << frames;
      EXPECT_EQ(encoder.latents(moments).sizes(), (std::vector<std::int64_t>{2, 4, latent_frames, 2, 3}));
    }
  }
}

TEST(WanEncoder, KeepsMoreLatentFramesWhereTimeIsHalvedLess) {
  for (const auto& [halved, latent_frames] :
       {std::pair{std::vector<bool>{false, false}, 5}, {std::vector<bool>{false, true}, 3}}) {
    WanVaeDims dims = tiny_vae();
    dims.temporal_downsample = halved;
    EXPECT_EQ(make_encoder(dims).moments(at::rand({1, 3, 6, 4, 4})).size(2), latent_frames);
  }
}

TEST(WanEncoder, NormalisesTheMean) {
  const WanEncoder encoder = make_encoder();
  const at::Tensor moments = at::randn({1, 8, 1, 1, 1});
  const at::Tensor latents = encoder.latents(moments.to(at::kBFloat16));
  EXPECT_EQ(latents.scalar_type(), at::kFloat);
  for (int c = 0; c < 4; ++c) {
    const float mean = moments.to(at::kBFloat16)[0][c].item<float>();
    EXPECT_NEAR(latents[0][c].item<float>(), (mean - 0.1F * static_cast<float>(c + 1)) / (c + 1), 1e-6);
  }
  const at::Tensor pixels = at::rand({1, 3, 5, 8, 8});
  EXPECT_TRUE(at::equal(encoder.encode(pixels), encoder.latents(encoder.moments(pixels))));
}

TEST(WanEncoder, DoesNotLookAheadNorAtOtherClips) {
  const WanEncoder encoder = make_encoder();
  const at::Tensor pixels = at::rand({2, 3, 9, 8, 8}) * 2 - 1;
  const at::Tensor whole = encoder.moments(pixels);
  EXPECT_TRUE(at::equal(encoder.moments(pixels.narrow(0, 1, 1)), whole.narrow(0, 1, 1)));
  const at::Tensor start = encoder.moments(pixels.narrow(2, 0, 5));
  EXPECT_TRUE(at::allclose(start, whole.narrow(2, 0, 2), 1e-5, 1e-6));
}

TEST(WanEncoder, CutsPicturesLargerThanATileOnly) {
  const WanEncoder encoder = make_encoder();
  const configs::VaeTiling tiling{.height = 16, .width = 24, .stride_height = 8, .stride_width = 16};
  const at::Tensor fits = at::rand({1, 3, 5, 16, 24});
  EXPECT_TRUE(at::equal(encoder.moments(fits, tiling), encoder.moments(fits)));
  for (const auto& [height, width] : {std::pair{20, 24}, {16, 28}, {36, 52}}) {
    const at::Tensor pixels = at::rand({1, 3, 5, height, width});
    const at::Tensor tiled = encoder.moments(pixels, tiling);
    EXPECT_EQ(tiled.sizes(), (std::vector<std::int64_t>{1, 8, 2, height / 4, width / 4}));
    EXPECT_FALSE(at::equal(tiled, encoder.moments(pixels)));
  }
}

TEST(WanEncoder, CutsPatchesIntoTilesOfAsManyPatchesAsTheTilingHasPixels) {
  const WanEncoder encoder = make_encoder(tiny_vae_22());
  const configs::VaeTiling tiling{.height = 16, .width = 24, .stride_height = 8, .stride_width = 16};
  const at::Tensor fits = at::rand({1, 3, 5, 16, 24});
  EXPECT_TRUE(at::equal(encoder.moments(fits, tiling), encoder.moments(fits)));
  // Larger than a tile's pixels, not than a stride's patches: as the whole, but for how sums round.
  const at::Tensor one = at::rand({1, 3, 5, 16, 32});
  EXPECT_TRUE(at::allclose(encoder.moments(one, tiling), encoder.moments(one), 1e-5, 1e-6));
  for (const auto& [height, width] : {std::pair{40, 32}, {16, 56}, {72, 104}}) {
    const at::Tensor pixels = at::rand({1, 3, 5, height, width});
    const at::Tensor tiled = encoder.moments(pixels, tiling);
    EXPECT_EQ(tiled.sizes(), (std::vector<std::int64_t>{1, 8, 2, height / 8, width / 8}));
    EXPECT_FALSE(at::allclose(tiled, encoder.moments(pixels), 1e-5, 1e-6));
  }
}

TEST(WanEncoder, RefusesPixelsOfAnotherShape) {
  const WanEncoder encoder = make_encoder();
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{3, 1, 8, 8}, {1, 4, 1, 8, 8}, {1, 3, 0, 8, 8}, {0, 3, 1, 8, 8}}) {
    EXPECT_THROW(encoder.moments(at::zeros(shape)), Error);
  }
}

TEST(WanEncoder, RefusesSizesBetweenLatentPixels) {
  const WanEncoder encoder = make_encoder();
  for (const auto& [height, width] : {std::pair{6, 8}, {8, 9}, {1, 4}}) {
    try {
      encoder.moments(at::zeros({1, 3, 1, height, width}), configs::VaeTiling{});
      FAIL() << height << "x" << width;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("multiples of 4"),
                                               testing::HasSubstr("width " + std::to_string(width))));
    }
  }
}

TEST(WanEncoder, RefusesToHalveFourFramesThrice) {
  WanVaeDims dims = tiny_vae();
  dims.dim_mult = {1, 1, 1, 1};
  dims.temporal_downsample = {true, true, true};
  try {
    make_encoder(dims);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::unsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("four frames at a time"));
  }
}

}  // namespace
}  // namespace ditmill::models

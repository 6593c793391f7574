#include "models/vae/wan_decoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models {
namespace {

dist::TensorMap random_weights(bool with_encoder) { return random_vae_weights(tiny_vae(), with_encoder); }

TEST(WanDecoder, AccountsForTheEncoderWhereItCameAlong) {
  for (const WanVaeDims& dims : {tiny_vae(), tiny_vae_22()}) {
    for (const bool with_encoder : {false, true}) {
      const WeightsView view(random_vae_weights(dims, with_encoder), "vae");
      const WanDecoder decoder(view, to_json(dims));
      EXPECT_NO_THROW(view.finish());
    }
  }
}

TEST(WanDecoder, MissesNoTensorSilently) {
  for (const char* name :
       {"decoder.mid_block.attentions.0.norm.gamma", "decoder.up_blocks.0.upsamplers.0.time_conv.bias",
        "decoder.up_blocks.1.resnets.0.conv_shortcut.weight", "post_quant_conv.weight"}) {
    dist::TensorMap weights = random_weights(true);
    ASSERT_EQ(weights.erase(name), 1u) << name;
    const WeightsView view(weights, "vae");
    const WanDecoder decoder(view, to_json(tiny_vae()));
    EXPECT_THROW(view.finish(), Error) << name;
  }
}

TEST(WanDecoder, KeepsNoTensorOfTheEncoder) {
  dist::TensorMap weights = random_weights(true);
  const WanDecoder decoder(WeightsView(weights, "vae"), to_json(tiny_vae()));
  for (const auto& [name, tensor] : weights) {
    EXPECT_EQ(tensor.use_count(), vae_needs(name) ? 2U : 1U) << name;
  }
}

TEST(WanDecoder, GivesOneFrameForTheFirstAndFourForEachLater) {
  for (const auto& [dims, scale] : {std::pair{tiny_vae(), 4}, {tiny_vae_22(), 8}}) {
    const WanDecoder decoder(WeightsView(random_vae_weights(dims, false), "vae"), to_json(dims));
    for (const std::int64_t frames : {1, 2, 3}) {
      const at::Tensor pixels = decoder.decode(at::randn({4, frames, 3, 5}));
      EXPECT_EQ(pixels.sizes(), (std::vector<std::int64_t>{3, 1 + 4 * (frames - 1), 3 * scale, 5 * scale}));
      EXPECT_LE(pixels.abs().max().item<float>(), 1.0F);
    }
  }
}

TEST(WanDecoder, KeepsNothingFromOneClipToTheNext) {
  const WanDecoder decoder(WeightsView(random_weights(false), "vae"), to_json(tiny_vae()));
  const at::Tensor latents = at::randn({4, 2, 3, 3});
  const at::Tensor first = decoder.decode(latents);
  decoder.decode(at::randn({4, 3, 5, 2}));
  EXPECT_TRUE(at::equal(decoder.decode(latents), first));
}

TEST(WanDecoder, CutsPicturesLargerThanATileOnly) {
  for (const auto& [dims, scale] : {std::pair{tiny_vae(), 4}, {tiny_vae_22(), 8}}) {
    const WanDecoder decoder(WeightsView(random_vae_weights(dims, false), "vae"), to_json(dims));
    const configs::VaeTiling tiling{
        .height = 4 * scale, .width = 6 * scale, .stride_height = 2 * scale, .stride_width = 4 * scale};
    const at::Tensor fits = at::randn({4, 2, 4, 6});
    EXPECT_TRUE(at::equal(decoder.decode(fits, tiling), decoder.decode(fits)));
    for (const auto& [height, width] : {std::pair{5, 6}, {4, 7}, {9, 13}}) {
      const at::Tensor latents = at::randn({4, 2, height, width});
      const at::Tensor tiled = decoder.decode(latents, tiling);
      EXPECT_EQ(tiled.sizes(), (std::vector<std::int64_t>{3, 5, scale * height, scale * width}));
      EXPECT_FALSE(at::equal(tiled, decoder.decode(latents)));
      EXPECT_TRUE(at::equal(decoder.decode(latents, tiling), tiled));
    }
  }
}

TEST(WanDecoder, RefusesTilesThatAreNoWholeLatentPixels) {
  const WanDecoder decoder(WeightsView(random_weights(false), "vae"), to_json(tiny_vae()));
  EXPECT_THROW(decoder.decode(at::randn({4, 1, 9, 9}), configs::VaeTiling{.height = 250}), Error);
}

TEST(WanDecoder, RefusesLatentsOfAnotherShape) {
  const WanDecoder decoder(WeightsView(random_weights(false), "vae"), to_json(tiny_vae()));
  EXPECT_THROW(decoder.decode(at::randn({16, 1, 3, 3})), Error);
  EXPECT_THROW(decoder.decode(at::randn({4, 3, 3})), Error);
}

TEST(ToFrames, RoundsHalfToEvenAndClamps) {
  // In float32, -0.49411765 and 0 are exactly 64.5 and 127.5 levels; then values outside, and beside a half.
  const std::vector<float> pixels{-0.49411765F,        0.0F, -1.0F, 1.0F, -7.0F, 7.0F, 2 * (0.4F / 255) - 1,
                                  2 * (0.6F / 255) - 1};
  const std::vector<std::uint8_t> levels{64, 128, 0, 255, 0, 255, 0, 1};
  const auto count = static_cast<std::int64_t>(pixels.size());
  const at::Tensor frames = to_frames(at::tensor(pixels).view({1, 1, 1, count}).expand({3, 2, 1, count}));
  ASSERT_EQ(frames.sizes(), (std::vector<std::int64_t>{2, 1, count, 3}));
  for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(frames[1][0][i][2].item<int>(), levels[i]) << pixels[i];
}

TEST(ToFrames, IsTheContractsFormulaForEveryBfloat16) {
  const at::Tensor x = at::arange(0, 65536, at::kInt).to(at::kShort).view(at::kBFloat16);
  const at::Tensor finite = x.masked_select(at::isfinite(x));
  const at::Tensor frames = to_frames(finite.view({1, 1, 1, -1}).expand({3, 1, 1, finite.size(0)}));
  for (std::int64_t i = 0; i < finite.size(0); i += 7) {
    const float unit = std::fmin(std::fmax(finite[i].item<float>() * 0.5F + 0.5F, 0.0F), 1.0F);
    ASSERT_EQ(frames[0][0][i][1].item<int>(), static_cast<int>(std::nearbyint(255.0F * unit))) << finite[i];
  }
}

TEST(ToFrames, PutsChannelsLast) {
  at::Tensor x = at::full({3, 1, 1, 1}, -1.0);
  x[1] = 1.0;
  EXPECT_TRUE(at::equal(to_frames(x).flatten(), at::tensor({0, 255, 0}).to(at::kByte)));
}

}  // namespace
}  // namespace ditmill::models

#include <gtest/gtest.h>

#include <cmath>

#include "configs/error.h"
#include "models/kernels/timestep_sinusoid.h"
#include "models/wan/transformer.h"
#include "tests/models/tiny_transformer.h"

namespace ditmill::models::wan {
namespace {

at::Tensor forward(Transformer& transformer, const at::Tensor& latents, std::uint64_t text_seed = 3) {
  const at::ScalarType dtype = transformer.dtype();
  return transformer(latents.to(dtype), at::full({1}, 700.0, at::kFloat),
                     draw({1, text_tokens, tiny_dims().text_dim}, text_seed).to(dtype));
}

TEST(WanTransformer, KeepsTheLatentsShapeAndItsOwnType) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    Transformer transformer = tiny_transformer(tiny_weights(dtype));
    for (const auto& shape :
         {std::vector<std::int64_t>{1, 16, 1, 2, 2}, {1, 16, 2, 6, 4}, {1, 16, 3, 2, 8}}) {
      const at::Tensor flow = forward(transformer, draw(shape, 5));
      EXPECT_EQ(flow.sizes().vec(), shape);
      EXPECT_EQ(flow.scalar_type(), dtype);
      EXPECT_TRUE(at::isfinite(flow).all().item<bool>());
    }
  }
}

TEST(WanTransformer, GivesTheSameBytesWhateverRanBefore) {
  Transformer fresh = tiny_transformer();
  Transformer used = tiny_transformer();
  for (std::int64_t edge = 2; edge <= 16; edge += 2) forward(used, draw({1, 16, 2, edge, 4}, 9), 8);
  const at::Tensor latents = draw({1, 16, 2, 6, 4}, 5);
  EXPECT_TRUE(at::equal(forward(fresh, latents), forward(used, latents)));
}

TEST(WanTransformer, ListensToEveryInput) {
  Transformer transformer = tiny_transformer();
  const at::Tensor latents = draw({1, 16, 1, 4, 4}, 5);
  const at::Tensor text = draw({1, text_tokens, tiny_dims().text_dim}, 3);
  const auto at_time = [&](double t) { return at::full({1}, t, at::kFloat); };
  const at::Tensor base = transformer(latents, at_time(700), text);
  EXPECT_FALSE(at::allclose(base, transformer(latents, at_time(650), text), 1e-3, 1e-3));
  EXPECT_FALSE(at::allclose(base, transformer(latents, at_time(700), text * 0.5), 1e-3, 1e-3));
  EXPECT_FALSE(at::allclose(base, transformer(latents * 0.9, at_time(700), text), 1e-3, 1e-3));
  // The same tokens elsewhere: only RoPE can tell.
  EXPECT_FALSE(at::allclose(base, transformer(latents.roll({2}, {4}), at_time(700), text).roll({-2}, {4}),
                            1e-3, 1e-3));
}

TEST(WanTransformer, ListensToItsPictures) {
  for (const bool first_and_last : {false, true}) {
    const Dims dims = picture_dims(first_and_last);
    Transformer transformer = tiny_transformer(tiny_weights(at::kFloat, 1, dims), dims);
    const at::Tensor latents = draw({1, dims.in_channels, 2, 4, 6}, 5);
    const at::Tensor text = draw({1, text_tokens, dims.text_dim}, 3);
    const at::Tensor time = at::full({1}, 700.0, at::kFloat);
    const at::Tensor image = draw({1, 10, dims.image_dim}, 7);
    const at::Tensor base = transformer(latents, time, text, image);
    EXPECT_EQ(base.sizes(), (at::IntArrayRef{1, dims.out_channels, 2, 4, 6}));
    const auto like_base = [&](const at::Tensor& other) {
      return at::allclose(base, transformer(latents, time, text, other), 1e-4, 1e-4);
    };
    EXPECT_FALSE(like_base(draw({1, 10, dims.image_dim}, 8)));
    // Only positions tell in which order tokens stand.
    EXPECT_EQ(like_base(image.roll({5}, {1})), !first_and_last);
  }
}

TEST(WanTransformer, RefusesOtherPicturesThanItTakes) {
  const Dims dims = picture_dims(true);
  const at::Tensor time = at::full({1}, 700.0, at::kFloat);
  const at::Tensor text = draw({1, text_tokens, dims.text_dim}, 3);
  const Transformer placed = tiny_transformer(tiny_weights(at::kFloat, 1, dims), dims);
  EXPECT_NO_THROW(placed.embed(time, text, draw({1, 10, dims.image_dim}, 7)));
  EXPECT_THROW(placed.embed(time, text), Error);
  EXPECT_THROW(placed.embed(time, text, draw({1, 5, dims.image_dim}, 7)), Error);
  EXPECT_THROW(placed.embed(time, text, draw({1, 10, dims.image_dim + 1}, 7)), Error);
  EXPECT_THROW(tiny_transformer().embed(time, text, draw({1, 10, dims.image_dim}, 7)), Error);
}

TEST(WanTransformer, AMissingTensorIsNamedBeforeAnythingRuns) {
  dist::TensorMap weights = tiny_weights();
  weights.erase("blocks.1.ffn.net.2.bias");
  EXPECT_THROW(tiny_transformer(weights), Error);
}

TEST(TimestepSinusoid, HoldsCosinesThenSinesOfFallingFrequencies) {
  const at::Tensor embedding = kernels::timestep_sinusoid(at::full({1}, 999.0, at::kFloat), 8);
  for (int i = 0; i < 4; ++i) {
    const double angle = 999.0 * std::pow(10000.0, -i / 4.0);
    EXPECT_NEAR(embedding[0][i].item<float>(), std::cos(angle), 2e-4) << i;
    EXPECT_NEAR(embedding[0][4 + i].item<float>(), std::sin(angle), 2e-4) << i;
  }
}

TEST(TimestepSinusoid, PadsAnOddWidthWithZero) {
  const at::Tensor embedding = kernels::timestep_sinusoid(at::zeros({2}), 5);
  EXPECT_EQ(embedding.sizes(), (at::IntArrayRef{2, 5}));
  EXPECT_EQ(embedding[1][4].item<float>(), 0.0F);
  EXPECT_EQ(embedding[1][1].item<float>(), 1.0F);
}

}  // namespace
}  // namespace ditmill::models::wan

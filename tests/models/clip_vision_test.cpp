#include "models/image_encoders/clip_vision.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"

namespace ditmill::models {
namespace {

ClipVisionDims tiny_clip(ClipNaming naming) {
  return {.dim = 24, .heads = 3, .ffn_dim = 40, .layers = 3, .patch = 16, .tokens = 5, .naming = naming};
}

dist::TensorMap random_clip(ClipNaming naming, at::ScalarType type = at::kFloat) {
  dist::TensorMap weights;
  for (const auto& [name, shape] : clip_vision_shapes(tiny_clip(naming)))
    weights[name] = (0.3 * at::randn(std::vector<std::int64_t>(shape.begin(), shape.end()))).to(type);
  return weights;
}

ClipVision clip_of(const dist::TensorMap& weights, ClipNaming naming) {
  const WeightsView view(weights, "image_encoder");
  ClipVision built(view, to_json(tiny_clip(naming)));
  view.finish();
  return built;
}

TEST(ClipVision, GivesStatesOfEachPictureInTheWeightsType) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const ClipVision clip = clip_of(random_clip(ClipNaming::wan, type), ClipNaming::wan);
    const at::Tensor pixels = at::randn({2, 3, 32, 32});
    const at::Tensor states = clip.encode(pixels);
    EXPECT_EQ(states.sizes(), (at::IntArrayRef{2, 5, 24}));
    EXPECT_EQ(states.scalar_type(), type);
    EXPECT_TRUE(at::allclose(states[1], clip.encode(pixels.narrow(0, 1, 1))[0], 1e-2, 1e-2));
  }
}

// What is let go of is freed with the caller's map, however its naming joins it.
TEST(ClipVision, KeepsNothingThatItDoesNotNeed) {
  for (const ClipNaming naming : {ClipNaming::transformers, ClipNaming::wan, ClipNaming::open_clip}) {
    dist::TensorMap weights = random_clip(naming);
    const ClipVision clip = clip_of(weights, naming);
    for (const auto& [name, tensor] : weights) {
      const bool kept = clip_vision_needs(tiny_clip(naming), name);
      // Itself, or a view of it.
      EXPECT_EQ(tensor.use_count() > 1 || tensor.storage().use_count() > 1, kept) << name;
      if (!kept) tensor.fill_(std::numeric_limits<float>::quiet_NaN());
    }
    EXPECT_TRUE(at::isfinite(clip.encode(at::randn({1, 3, 32, 32}))).all().item<bool>());
  }
}

TEST(ClipVision, RefusesPicturesOfAnotherSize) {
  const ClipVision clip = clip_of(random_clip(ClipNaming::transformers), ClipNaming::transformers);
  EXPECT_NO_THROW(clip.encode(at::randn({1, 3, 32, 32})));
  for (const auto& shape : {std::vector<std::int64_t>{1, 3, 32, 48}, {1, 4, 32, 32}, {3, 32, 32}})
    EXPECT_THROW(clip.encode(at::randn(shape)), Error);
}

TEST(ClipVision, SaysWhichTensorIsMissing) {
  dist::TensorMap weights = random_clip(ClipNaming::open_clip);
  weights.erase("visual.transformer.resblocks.1.attn.in_proj_bias");
  try {
    clip_of(weights, ClipNaming::open_clip);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("resblocks.1.attn.in_proj_bias"), std::string::npos);
  }
}

}  // namespace
}  // namespace ditmill::models

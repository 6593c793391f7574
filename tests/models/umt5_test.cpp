#include "models/text_encoders/umt5.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "configs/error.h"

namespace ditmill::models {
namespace {

Umt5Dims tiny() {
  return {.vocabulary = 50, .dim = 24, .heads = 3, .head_dim = 10, .ffn_dim = 20, .layers = 2};
}

dist::TensorMap random_weights(at::ScalarType type = at::kFloat) {
  dist::TensorMap weights;
  for (const auto& [name, shape] : umt5_shapes(tiny())) {
    weights[name] = (0.3 * at::randn(std::vector<std::int64_t>(shape.begin(), shape.end()))).to(type);
  }
  return weights;
}

Umt5Encoder encoder(const dist::TensorMap& weights) {
  const WeightsView view(weights, "text_encoder");
  Umt5Encoder built(view, to_json(tiny()), dist::ParallelContext(dist::Mesh(1, {}), 0));
  view.finish();
  return built;
}

TEST(Umt5Encoder, GivesARowForEachTokenInTheWeightsType) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor states = encoder(random_weights(type)).encode({5, 7, 1});
    EXPECT_EQ(states.sizes(), (std::vector<std::int64_t>{3, 24}));
    EXPECT_EQ(states.scalar_type(), type);
  }
}

TEST(Umt5Encoder, DoesNotSeeThePaddingsEmbedding) {
  dist::TensorMap weights = random_weights();
  const at::Tensor before = encoder(weights).encode({5, 7, 1});
  weights["shared.weight"] = weights["shared.weight"].clone();
  weights["shared.weight"][0].fill_(9);
  EXPECT_TRUE(at::allclose(encoder(weights).encode({5, 7, 1}), before, 1e-6, 1e-6));
}

TEST(Umt5Encoder, KnowsWhereATokenStands) {
  const Umt5Encoder e = encoder(random_weights());
  const at::Tensor states = e.encode({5, 7, 5, 7, 1});
  EXPECT_FALSE(at::allclose(states[0], states[2], 1e-3, 1e-3));
}

TEST(Umt5Encoder, TakesTheEmbeddingUnderEitherName) {
  dist::TensorMap weights = random_weights();
  const at::Tensor want = encoder(weights).encode({5, 1});
  weights["encoder.embed_tokens.weight"] = weights["shared.weight"];
  EXPECT_TRUE(at::equal(encoder(weights).encode({5, 1}), want));
  weights.erase("shared.weight");
  EXPECT_TRUE(at::equal(encoder(weights).encode({5, 1}), want));
}

TEST(Umt5Encoder, EncodesAsManyTokensAsThePipelineHas) {
  const Umt5Encoder e = encoder(random_weights());
  EXPECT_EQ(e.encode(std::vector<int>(512, 7)).size(0), 512);
  EXPECT_THROW(e.encode(std::vector<int>(513, 7)), Error);
  EXPECT_THROW(e.encode({}), Error);
}

TEST(Umt5Encoder, RefusesIdsThatTheEmbeddingDoesNotHave) {
  const Umt5Encoder e = encoder(random_weights());
  EXPECT_THROW(e.encode({50, 1}), Error);
  EXPECT_THROW(e.encode({-1, 1}), Error);
  EXPECT_NO_THROW(e.encode({49, 1}));
}

TEST(Umt5Encoder, SaysWhichTensorIsMissing) {
  dist::TensorMap weights = random_weights();
  weights.erase("encoder.block.1.layer.1.DenseReluDense.wo.weight");
  try {
    encoder(weights);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("encoder.block.1.layer.1.DenseReluDense.wo.weight"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace ditmill::models

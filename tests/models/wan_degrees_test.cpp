#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "models/text_encoders/umt5_memory.h"
#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_vae_dims.h"
#include "models/wan/degrees.h"
#include "models/wan/sizes.h"

namespace ditmill::models::wan {
namespace {

const Dims dit{.dim = 1536,
               .heads = 12,
               .head_dim = 128,
               .ffn_dim = 8960,
               .layers = 30,
               .in_channels = 16,
               .out_channels = 16,
               .text_dim = 4096,
               .freq_dim = 256};
const Umt5Dims umt5{
    .vocabulary = 256384, .dim = 4096, .heads = 64, .head_dim = 64, .ffn_dim = 10240, .layers = 24};
const nlohmann::json vae = to_json(WanVaeDims{.base_dim = 96,
                                              .z_dim = 16,
                                              .dim_mult = {1, 2, 4, 4},
                                              .num_res_blocks = 2,
                                              .temporal_downsample = {false, true, true},
                                              .latents_mean = {},
                                              .latents_std = {}});

configs::Request clip() {
  configs::Request request;
  request.width = 832;
  request.height = 480;
  request.frames = 81;
  return request;
}

std::vector<std::string> refused(const configs::ParallelConfig& degrees, const Umt5Dims& encoder = umt5) {
  std::vector<std::string> texts;
  for (const Problem& problem : check_degrees(dit, encoder, degrees)) {
    texts.push_back(problem.message + ": " + problem.nearest);
  }
  return texts;
}

TEST(WanDegrees, MayLeaveNoRankWithoutHeadsColumnsOrBlocks) {
  using testing::ElementsAre;
  EXPECT_THAT(refused({.cfg = 2, .ring = 5, .ulysses = 2, .pp = 30, .tp = 5}), ElementsAre());
  EXPECT_THAT(refused({.tp = 12}), ElementsAre());
  EXPECT_THAT(refused({.tp = 13}), ElementsAre("tp is more than the transformer's attention heads: 12"));
  EXPECT_THAT(refused({.pp = 31}), ElementsAre("pp is more than the transformer's blocks: 30"));
  EXPECT_THAT(refused({.ulysses = 13}),
              ElementsAre("ulysses is more than the transformer's attention heads: 12"));
  EXPECT_THAT(refused({.ulysses = 3, .tp = 5}),
              ElementsAre("ulysses is more than the transformer's attention heads in a slice of tp 5: 2"));
  EXPECT_THAT(refused({.pp = 64, .tp = 64}), testing::SizeIs(2));
  Umt5Dims small = umt5;
  small.heads = 4;
  EXPECT_THAT(refused({.tp = 5}, small),
              ElementsAre("tp is more than the text encoder's attention heads: 4"));
}

TEST(WanSizes, SplittingAnItemTakesLessOfEachRank) {
  const auto denoise = [](const configs::ParallelConfig& degrees) {
    return denoise_bytes(dit, configs::Dtype::bfloat16, clip(), degrees);
  };
  const std::uint64_t whole = denoise({});
  EXPECT_LT(denoise({.ulysses = 4}), whole * 6 / 10);
  EXPECT_LT(denoise({.ring = 4}), whole * 6 / 10);
  EXPECT_LT(denoise({.ring = 2, .ulysses = 4}), denoise({.ulysses = 4}));
  EXPECT_LT(denoise({.tp = 4}), whole);
  EXPECT_GE(denoise({.cfg = 2}), whole) << "each half is a whole pass";
  EXPECT_GT(denoise({.pp = 4}), whole) << "a clip a stage is in flight";
}

TEST(WanSizes, TheTextEncoderIsSplitByTpAlone) {
  const nlohmann::json json = to_json(umt5);
  const std::uint64_t whole = umt5_encode_bytes(json, configs::Dtype::bfloat16);
  EXPECT_LT(umt5_encode_bytes(json, configs::Dtype::bfloat16, {.tp = 4}), whole / 2);
  EXPECT_EQ(umt5_encode_bytes(json, configs::Dtype::bfloat16, {.ring = 4}), whole);
}

TEST(WanSizes, PicturesAreSplitOverAllRanksOfAGroup) {
  const auto decode = [](const configs::ParallelConfig& degrees, bool tiled = false) {
    return wan_decode_bytes(vae, configs::Dtype::float32, {}, clip(),
                            tiled ? std::optional(configs::VaeTiling{}) : std::nullopt, degrees);
  };
  const std::uint64_t whole = decode({});
  EXPECT_LT(decode({.ulysses = 4}), whole / 2);
  EXPECT_EQ(decode({.tp = 4}), decode({.ulysses = 4}));
  EXPECT_EQ(decode({.cfg = 2, .pp = 2}), decode({.ulysses = 4}));
  EXPECT_EQ(decode({.ring = 60}), decode({.ring = 600})) << "a slab has a row of latents at least";
  EXPECT_GE(decode({.tp = 4}, true), decode({}, true)) << "a rank decodes a whole tile";
}

}  // namespace
}  // namespace ditmill::models::wan

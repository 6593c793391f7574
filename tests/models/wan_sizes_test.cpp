#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/text_encoders/umt5_memory.h"
#include "models/wan/flops.h"
#include "models/wan/sizes.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models::wan {
namespace {

configs::Request sized(int width, int height, int frames) {
  configs::Request request;
  request.width = width;
  request.height = height;
  request.frames = frames;
  return request;
}

TEST(WanSizes, TakesMultiplesOfSixteenAndFourKPlusOne) {
  for (const auto& request :
       {sized(832, 480, 81), sized(16, 16, 1), sized(1280, 720, 5), sized(48, 1024, 17)}) {
    EXPECT_THAT(check_sizes(tiny_dims(), request), ::testing::IsEmpty())
        << request.width << "x" << request.height;
  }
}

struct SizeCase {
  configs::Request request;
  const char* field = "";
  const char* got = "";
  const char* nearest = "";
};

TEST(WanSizes, RefusesOthersWithTheNearestThatFits) {
  const SizeCase cases[] = {
      {sized(830, 480, 81), "width", "830", "832"},  {sized(833, 480, 81), "width", "833", "832"},
      {sized(0, 480, 81), "width", "0", "16"},       {sized(7, 480, 81), "width", "7", "16"},
      {sized(-16, 480, 81), "width", "-16", "16"},   {sized(832, 481, 81), "height", "481", "480"},
      {sized(832, 721, 81), "height", "721", "720"}, {sized(832, 480, 80), "frames", "80", "81"},
      {sized(832, 480, 82), "frames", "82", "81"},   {sized(832, 480, 0), "frames", "0", "1"},
      {sized(832, 480, 4), "frames", "4", "5"},      {sized(832, 480, -3), "frames", "-3", "1"},
  };
  for (const SizeCase& c : cases) {
    const std::vector<Problem> problems = check_sizes(tiny_dims(), c.request);
    ASSERT_EQ(problems.size(), 1U) << c.field << " " << c.got;
    EXPECT_TRUE(problems[0].message.starts_with(c.field)) << problems[0].message;
    EXPECT_EQ(problems[0].got, c.got);
    EXPECT_EQ(problems[0].nearest, c.nearest) << c.field << " " << c.got;
  }
}

TEST(WanSizes, ReportsAllFieldsAtOnce) { EXPECT_EQ(check_sizes(tiny_dims(), sized(15, 17, 2)).size(), 3U); }

TEST(WanSizes, LatentIsCompressedEightfoldInSpaceAndFourfoldInTime) {
  EXPECT_EQ(latent_shape(tiny_dims(), sized(832, 480, 81)), (std::array<std::int64_t, 4>{16, 21, 60, 104}));
  EXPECT_EQ(latent_shape(tiny_dims(), sized(16, 32, 1)), (std::array<std::int64_t, 4>{16, 1, 4, 2}));
}

TEST(WanSizes, RefusesMorePositionsThanRopeHas) {
  Dims dims = tiny_dims();
  dims.rope_max_seq_len = 20;
  EXPECT_NO_THROW(latent_shape(dims, sized(320, 320, 77)));
  for (const auto& request : {sized(336, 16, 1), sized(16, 336, 1), sized(16, 16, 81)}) {
    try {
      latent_shape(dims, request);
      FAIL() << request.width;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("rope_max_seq_len"));
      EXPECT_THAT(error.got(), "21");
    }
  }
}

TEST(WanSizes, ActivationsOfTheRealModelAreOfTheRightOrder) {
  const Dims dims{.dim = 1536,
                  .heads = 12,
                  .head_dim = 128,
                  .ffn_dim = 8960,
                  .layers = 30,
                  .in_channels = 16,
                  .out_channels = 16,
                  .text_dim = 4096,
                  .freq_dim = 256};
  const std::uint64_t bytes = denoise_bytes(dims, configs::Dtype::bfloat16, sized(832, 480, 81));
  EXPECT_GT(bytes, std::uint64_t{1} << 30);
  EXPECT_LT(bytes, std::uint64_t{4} << 30);
  EXPECT_GT(denoise_bytes(dims, configs::Dtype::float32, sized(832, 480, 81)), bytes);
}

TEST(WanSizes, OfPicturesAreThoseOfLatentsAndCountWhatIsBesideThem) {
  const Dims one = picture_dims();
  const Dims two = picture_dims(true);
  const configs::Request request = sized(64, 48, 9);
  EXPECT_EQ(latent_shape(one, request), latent_shape(tiny_dims(), request)) << "noise has 16 channels";
  const auto bytes = [&](const Dims& dims, const configs::ParallelConfig& parallel = {}) {
    return denoise_bytes(dims, configs::Dtype::bfloat16, request, parallel);
  };
  EXPECT_GT(bytes(one), bytes(tiny_dims()));
  EXPECT_GT(bytes(one), bytes(two)) << "257 tokens, and the 10 that its shapes tell";
  EXPECT_GT(bytes(one, {.pp = 2}) - bytes(one), bytes(tiny_dims(), {.pp = 2}) - bytes(tiny_dims()));
}

TEST(WanSizes, FlopsOfCrossAttentionGrowWithItsTokens) {
  configs::PipelineConfig pipeline;
  pipeline.steps = 3;
  pipeline.guidance_scale = 1;
  const Dims with = picture_dims(true);
  Dims without = with;
  without.image_dim = without.image_tokens = 0;
  const configs::Request request = sized(64, 48, 9);
  const DenoiseFlops more = denoise_flops(with, pipeline, request);
  const DenoiseFlops less = denoise_flops(without, pipeline, request);
  const double tokens = 3 * 3 * 4, width = 120, image = 10, blocks = 2 * 3;
  EXPECT_DOUBLE_EQ(more.linear - less.linear,
                   blocks * (4 * image * width * width + 4 * tokens * image * width));
  EXPECT_EQ(more.quadratic, less.quadratic);
}

TEST(WanSizes, AnEmbeddingHasATokenAByteAtMost) {
  const nlohmann::json umt5{{"dim", 10}};
  struct Case {
    std::string text;
    std::uint64_t tokens;
  };
  for (const Case& each : std::vector<Case>{
           {"", 2}, {"cat", 5}, {"雨", 5}, {std::string(510, 'x'), 512}, {std::string(9999, 'x'), 512}}) {
    EXPECT_EQ(umt5_embedding_bytes(umt5, configs::Dtype::float32, each.text), each.tokens * 40)
        << each.text.size();
    EXPECT_EQ(umt5_embedding_bytes(umt5, configs::Dtype::bfloat16, each.text), each.tokens * 20)
        << each.text.size();
  }
}

}  // namespace
}  // namespace ditmill::models::wan

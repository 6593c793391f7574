#include "jobs/plan/pilot/cost.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/wan/dims.h"

namespace ditmill::jobs::plan {
namespace {

PreparedJob wan_job() {
  PreparedJob job;
  job.family = &models::family_named("wan");
  job.hyper_parameters["transformer"] = models::wan::to_json(models::wan::Dims{.dim = 1536,
                                                                               .heads = 12,
                                                                               .head_dim = 128,
                                                                               .ffn_dim = 8960,
                                                                               .layers = 30,
                                                                               .in_channels = 16,
                                                                               .out_channels = 16,
                                                                               .text_dim = 4096,
                                                                               .freq_dim = 256});
  return job;
}

models::DenoiseFlops flops(const PreparedJob& job, int width, int height, int frames) {
  configs::Request request;
  request.width = width;
  request.height = height;
  request.frames = frames;
  return job.family->denoise_flops(job.hyper_parameters, job.manifest.pipeline, request);
}

SizeClass measured(int width, int height, int frames, double denoise) {
  return {.width = width,
          .height = height,
          .frames = frames,
          .items = 4,
          .seconds = {.median = denoise + 3},
          .text = {.median = 1},
          .denoise = {.median = denoise},
          .decode = {.median = 2},
          .bytes = 1000};
}

TEST(Cost, IsThatOfTheMeasuredSizes) {
  const PreparedJob job = wan_job();
  Pilot pilot;
  pilot.pause_seconds = 0.5;
  pilot.classes = {measured(832, 480, 81, 40)};
  CostModel costs(pilot, job);
  const ItemCost cost = costs.of(832, 480, 81);
  EXPECT_DOUBLE_EQ(cost.seconds, 43.5);
  EXPECT_DOUBLE_EQ(cost.bytes, 1000);
  EXPECT_FALSE(cost.estimated);
}

TEST(Cost, GrowsWithOperationsFromOneSize) {
  const PreparedJob job = wan_job();
  Pilot pilot;
  pilot.classes = {measured(832, 480, 81, 40)};
  CostModel costs(pilot, job);
  const ItemCost cost = costs.of(1280, 720, 81);
  const double ratio = flops(job, 1280, 720, 81).all() / flops(job, 832, 480, 81).all();
  const double larger = 1280.0 * 720 / (832 * 480);
  EXPECT_GT(ratio, larger);
  EXPECT_NEAR(cost.seconds, 1 + 40 * ratio + 2 * larger, 1e-6);
  EXPECT_NEAR(cost.bytes, 1000 * larger, 1e-6);
  EXPECT_TRUE(cost.estimated);
}

TEST(Cost, TakesBothRatesFromTwoSizes) {
  const PreparedJob job = wan_job();
  const auto seconds = [&](int width, int height, int frames) {
    const models::DenoiseFlops work = flops(job, width, height, frames);
    return 2e-15 * work.linear + 5e-15 * work.quadratic;
  };
  Pilot pilot;
  pilot.classes = {measured(832, 480, 17, seconds(832, 480, 17)),
                   measured(832, 480, 81, seconds(832, 480, 81))};
  CostModel costs(pilot, job);
  const double expected = 1 + seconds(1280, 720, 81) + 2 * 1280.0 * 720 / (832 * 480);
  EXPECT_NEAR(costs.of(1280, 720, 81).seconds / expected, 1, 1e-6);
}

TEST(Cost, DoesNotFollowTheNoiseOfAlikeSizes) {
  const PreparedJob job = wan_job();
  Pilot pilot;
  pilot.classes = {measured(832, 480, 77, 40), measured(832, 480, 81, 39)};
  CostModel costs(pilot, job);
  const double ratio = flops(job, 1280, 720, 81).all() / flops(job, 832, 480, 81).all();
  EXPECT_NEAR(costs.of(1280, 720, 81).seconds, 1 + 39 * ratio + 2 * 1280.0 * 720 / (832 * 480), 1e-6);
}

TEST(Cost, OfARehearsalIsTheSameForAllSizes) {
  PreparedJob job;
  Pilot pilot;
  pilot.classes = {measured(32, 16, 1, 0.25)};
  pilot.classes[0].decode.median = 0;
  CostModel costs(pilot, job);
  EXPECT_DOUBLE_EQ(costs.of(320, 160, 9).seconds, 1.25);
}

TEST(DenoiseFlops, AreThoseOfTheLayersOfWan) {
  const PreparedJob job = wan_job();
  // 21 x 30 x 52 tokens; a known figure: 1.3B at 832x480x81 takes about 0.23 PFLOP a pass.
  const models::DenoiseFlops work = flops(job, 832, 480, 81);
  const double tokens = 21.0 * 30 * 52;
  EXPECT_DOUBLE_EQ(work.quadratic, 30.0 * 50 * 2 * 4 * tokens * tokens * 1536);
  EXPECT_NEAR(work.linear,
              2.0 * 50 * 2 * tokens * 30 * (6 * 1536.0 * 1536 + 2 * 1536.0 * 8960 + 2 * 512 * 1536),
              0.01 * work.linear);
  EXPECT_NEAR(work.all() / 100, 0.28e15, 0.03e15);
}

}  // namespace
}  // namespace ditmill::jobs::plan

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "dist/plan/offloaded.h"
#include "jobs/plan/memory/memory_shortage.h"
#include "jobs/plan/memory/rank_plans.h"
#include "jobs/plan/prepare.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/vae/wan_vae_dims.h"
#include "models/wan/dims.h"

namespace ditmill::jobs::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

/// A component of one tensor of so many elements.
dist::ComponentPlan component(const std::string& name, std::uint64_t elements, configs::Dtype dtype,
                              registry::ElementType stored) {
  const auto bytes = elements * static_cast<std::uint64_t>(registry::bits(stored)) / 8;
  registry::WeightFile file{.path = name, .size = bytes, .tensors = {}};
  file.tensors.push_back({.name = "w", .type = stored, .shape = {elements}, .begin = 0, .end = bytes});
  return {.name = name, .hyper_parameters = {}, .dtype = dtype, .keep_float32 = {}, .files = {file}};
}

/// 100, 300 and 10 million weights; clips of one frame, which hardly count.
PreparedJob job_of(configs::OffloadType offload, configs::Dtype dtype, registry::ElementType stored) {
  PreparedJob job;
  job.family = &models::family_named("wan");
  job.hyper_parameters["transformer"] = models::wan::to_json({.dim = 128,
                                                              .heads = 2,
                                                              .head_dim = 64,
                                                              .ffn_dim = 256,
                                                              .layers = 2,
                                                              .in_channels = 16,
                                                              .out_channels = 16,
                                                              .text_dim = 64,
                                                              .freq_dim = 256});
  job.hyper_parameters["text_encoder"] = models::to_json(
      models::Umt5Dims{.vocabulary = 300, .dim = 64, .heads = 4, .head_dim = 16, .ffn_dim = 96, .layers = 2});
  job.hyper_parameters["vae"] =
      models::to_json(models::WanVaeDims{.base_dim = 8,
                                         .z_dim = 16,
                                         .dim_mult = {1, 2, 4, 4},
                                         .num_res_blocks = 2,
                                         .temporal_downsample = {false, true, true},
                                         .latents_mean = std::vector<double>(16, 0.0),
                                         .latents_std = std::vector<double>(16, 1.0)});
  for (auto& [name, config] : job.manifest.pipeline.components) config.dtype = dtype;
  job.manifest.pipeline.components["text_encoder"].offload = {.type = offload};
  job.components = {component("transformer", 100'000'000, dtype, stored),
                    component("text_encoder", 300'000'000, dtype, stored),
                    component("vae", 10'000'000, dtype, stored)};
  requests::Item item;
  item.request.width = 32;
  item.request.height = 32;
  item.request.frames = 1;
  item.request.prompt = "cat";
  job.manifest.items = {item};
  return job;
}

MemoryPlan plan_memory(const PreparedJob& job) { return jobs::plan::plan_memory(job, dist::Mesh{1, {}}, 0); }

std::vector<Alternative> alternatives(const PreparedJob& job) {
  return jobs::plan::alternatives(job, job.manifest.pipeline, dist::Mesh{1, {}});
}

constexpr auto f32 = configs::Dtype::float32;
constexpr auto bf16 = configs::Dtype::bfloat16;

TEST(MemoryPlan, HoldsAllWeightsTogetherWithoutOffload) {
  const MemoryPlan plan = plan_memory(job_of(configs::OffloadType::none, f32, registry::ElementType::f32));
  ASSERT_EQ(plan.stages.size(), 1U);
  EXPECT_THAT(plan.stages[0].components, ElementsAre("transformer", "text_encoder", "vae"));
  EXPECT_EQ(plan.weights(), 4U * 410'000'000);
  EXPECT_GE(plan.peak(), plan.weights() + plan.stages[0].activations);
  EXPECT_LE(plan.peak(), plan.weights() + 300 * mib) << "clips of a frame hardly count";
}

TEST(MemoryPlan, HoldsTheLargerStageWithOffload) {
  const MemoryPlan plan = plan_memory(job_of(configs::OffloadType::stages, f32, registry::ElementType::f32));
  ASSERT_EQ(plan.stages.size(), 2U);
  EXPECT_THAT(plan.stages[0].components, ElementsAre("text_encoder"));
  EXPECT_THAT(plan.stages[1].components, ElementsAre("transformer", "vae"));
  EXPECT_EQ(plan.weights(), 4U * 300'000'000);
  EXPECT_EQ(plan.peak(), std::max(plan.stages[0].peak, plan.stages[1].peak));
  EXPECT_LE(plan.peak(), plan.weights() + 300 * mib);
}

TEST(MemoryPlan, CountsATensorTwiceWhileItIsConverted) {
  const MemoryPlan same =
      plan_memory(job_of(configs::OffloadType::stages, bf16, registry::ElementType::bf16));
  const MemoryPlan converted =
      plan_memory(job_of(configs::OffloadType::stages, bf16, registry::ElementType::f32));
  EXPECT_EQ(same.weights(), converted.weights());
  EXPECT_GE(converted.peak(), converted.weights() + std::uint64_t{4} * 300'000'000);
  EXPECT_LE(same.peak(), same.weights() + 300 * mib);
}

/// A job whose transformer has ten blocks of 40 MB.
PreparedJob job_of_blocks() {
  PreparedJob job = job_of(configs::OffloadType::stages, f32, registry::ElementType::f32);
  dist::ComponentPlan& plan = job.components.front();
  plan.files[0].tensors.clear();
  plan.layers = 10;
  for (std::int64_t layer = 0; layer < plan.layers; ++layer) {
    const std::string name = dist::block_name({}, layer) + ".w";
    plan.files[0].tensors.push_back(
        {.name = name, .type = registry::ElementType::f32, .shape = {10'000'000}});
    plan.rules[name] = {.stages = dist::Stages::of_layer, .layer = layer};
  }
  return job;
}

TEST(MemoryPlan, HoldsOnlyTheBlocksThatStayAndTheBuffersOfThoseThatCome) {
  PreparedJob job = job_of_blocks();
  const auto clips = [&](const configs::Offload& offload) {
    job.manifest.pipeline.components["transformer"].offload = offload;
    return plan_memory(job).stages.at(1);
  };
  constexpr std::uint64_t block = 40'000'000;
  constexpr std::uint64_t vae = 40'000'000;
  const StageMemory held = clips({});
  EXPECT_EQ(held.weights, 10 * block + vae);
  const auto taken_by_buffers = [&](const StageMemory& stage) {
    return stage.activations - held.activations;
  };
  const StageMemory sequential = clips({.type = configs::OffloadType::sequential});
  EXPECT_EQ(sequential.weights, vae);
  const StageMemory async = clips({.type = configs::OffloadType::async, .ratio = 0.5, .prefetch = 2});
  EXPECT_EQ(async.weights, 5 * block + vae);
  EXPECT_EQ(taken_by_buffers(async) - taken_by_buffers(sequential), 2 * block);
  EXPECT_GE(taken_by_buffers(sequential), block);
  EXPECT_LT(taken_by_buffers(sequential), 2 * block);
  EXPECT_LT(sequential.peak, async.peak);
  EXPECT_LT(async.peak, held.peak);
}

TEST(MemoryPlan, CountsWhatLiesInTheHostsMemoryBesideADevice) {
  PreparedJob job = job_of_blocks();
  EXPECT_EQ(plan_memory(job).beside_device, 0U);
  constexpr std::uint64_t block = 40'000'000;
  constexpr std::uint64_t vae = 40'000'000;
  constexpr std::uint64_t frames = 32 * mib;
  job.manifest.pipeline.components["transformer"].offload = {
      .type = configs::OffloadType::async, .ratio = 0.5, .prefetch = 2};
  EXPECT_EQ(plan_memory(job).beside_device, (10 + 5) * block + frames) << "five come and go, all are loaded";
  job.manifest.pipeline.components["vae"].offload = {.type = configs::OffloadType::stages};
  EXPECT_EQ(plan_memory(job).beside_device, (10 + 5) * block + frames);
  job.manifest.pipeline.components["transformer"].offload.ratio = 0;
  EXPECT_EQ(plan_memory(job).beside_device, 10 * block + frames) << "none leaves, and the VAE is smaller";
  job.manifest.pipeline.components["transformer"].offload = {};
  EXPECT_EQ(plan_memory(job).beside_device, 2 * vae + frames);
  EXPECT_THAT(to_text(plan_memory(job)), HasSubstr("on a device"));

  const RankPlans host = plan_ranks(job, dist::Mesh{2, {}}).beside_devices();
  std::vector<RankMemory> ranks(
      2, {.machine = "m", .name = "m", .bounds = {{.id = "all", .source = "MemAvailable", .available = 0}}});
  for (RankMemory& rank : ranks) rank.bounds[0].available = 2 * (2 * vae + frames);
  EXPECT_EQ(memory_shortage(ranks, host, {}), std::nullopt);
  for (RankMemory& rank : ranks) --rank.bounds[0].available;
  const std::optional<Error> refused = memory_shortage(ranks, host, {});
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->what(), HasSubstr("MemAvailable"));
}

TEST(MemoryPlan, KnowsWhatWouldTakeLess) {
  const auto changes = [](const PreparedJob& job) {
    std::vector<std::string> all;
    std::uint64_t last = plan_memory(job).peak();
    for (const Alternative& other : alternatives(job)) {
      EXPECT_LT(other.peak, last);
      last = other.peak;
      all.push_back(other.change);
    }
    return all;
  };
  const std::string stages = "components.text_encoder.offload: stages";
  EXPECT_THAT(changes(job_of(configs::OffloadType::none, bf16, registry::ElementType::bf16)),
              ElementsAre(stages));
  EXPECT_THAT(changes(job_of(configs::OffloadType::stages, bf16, registry::ElementType::bf16)),
              ElementsAre());
  EXPECT_THAT(changes(job_of(configs::OffloadType::none, f32, registry::ElementType::bf16)),
              testing::AllOf(testing::Contains(stages),
                             testing::Contains(HasSubstr("text_encoder.dtype: bfloat16"))));
}

TEST(MemoryPlan, NamesAnItemThatTheModelIsTooSmallFor) {
  PreparedJob job = job_of(configs::OffloadType::none, f32, registry::ElementType::f32);
  requests::Item wide = job.manifest.items[0];
  wide.request.id = "wide";
  wide.request.width = 1 << 16;
  job.manifest.items.add(wide);
  try {
    plan_memory(job);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_EQ(error.where().item, "wide");
  }
}

TEST(MemoryPlan, OfARehearsalIsNothing) {
  const PreparedJob job;
  EXPECT_EQ(plan_memory(job).peak(), 0U);
  EXPECT_TRUE(alternatives(job).empty());
  EXPECT_EQ(embedding_bytes(job), 0U);
}

TEST(MemoryPlan, WithoutNativeBfloat16PicturesTakeMoreAndFloat32IsTheAdvice) {
  PreparedJob job = job_of(configs::OffloadType::stages, bf16, registry::ElementType::bf16);
  requests::Item large = job.manifest.items[0];
  large.request.width = 832;
  large.request.height = 480;
  large.request.frames = 9;
  job.manifest.items.add(large);
  job.cpu = {};
  const std::uint64_t native = plan_memory(job).peak();
  for (const Alternative& other : alternatives(job)) EXPECT_EQ(other.change.find("vae"), std::string::npos);
  job.cpu.native_bfloat16 = false;
  EXPECT_GT(plan_memory(job).peak(), native);
  const std::vector<Alternative> found = alternatives(job);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.front().change, "components.transformer.offload: async (slower)");
  EXPECT_EQ(found.back().change,
            found.front().change + " with components.vae.dtype: float32 (other results)");
  job.manifest.pipeline.components["transformer"].offload = {.type = configs::OffloadType::async};
  EXPECT_EQ(plan_memory(job).peak(), found.front().peak) << "what was advised";
  job.manifest.pipeline.components["vae"].dtype = f32;
  EXPECT_EQ(plan_memory(job).peak(), found.back().peak);
}

TEST(MemoryPlan, EachDistinctTextCountsOnce) {
  PreparedJob job = job_of(configs::OffloadType::stages, f32, registry::ElementType::f32);
  const std::uint64_t one = embedding_bytes(job);
  requests::Item other = job.manifest.items[0];
  job.manifest.items.add(other);
  EXPECT_EQ(embedding_bytes(job), one);
  EXPECT_EQ(spool_bytes(job), one);
  other.request.negative_prompt = "another";
  job.manifest.items.add(other);
  EXPECT_GT(embedding_bytes(job), one);
  const std::uint64_t guided = embedding_bytes(job);
  job.manifest.pipeline.guidance_scale = 1;
  EXPECT_LT(embedding_bytes(job), guided);
  job.manifest.pipeline.components["text_encoder"].offload = {};
  EXPECT_EQ(spool_bytes(job), 0U);
}

TEST(MemoryPlan, IsShownByComponentAndStage) {
  const MemoryPlan plan = plan_memory(job_of(configs::OffloadType::stages, f32, registry::ElementType::f32));
  EXPECT_THAT(to_text(plan), testing::AllOf(HasSubstr("text_encoder      1.200 GB  float32"),
                                            HasSubstr("stage text"), HasSubstr("stage clips")));
  const nlohmann::json json = to_json(plan);
  EXPECT_EQ(json.at("peak_bytes"), plan.peak());
  EXPECT_EQ(json.at("components").at("transformer").at("bytes"), 400'000'000);
}

/// The same job with the transformer's tensor cut by tp, or shared out as two blocks.
PreparedJob split_job(const configs::ParallelConfig& parallel, dist::ShardRule rule) {
  PreparedJob job = job_of(configs::OffloadType::none, bf16, registry::ElementType::bf16);
  job.manifest.pipeline.parallel = parallel;
  job.components[0].rules["w"] = rule;
  job.components[0].layers = rule.layer < 0 ? 0 : 2;
  return job;
}

TEST(MemoryPlan, OfARankHoldsItsOwnPartOfTheWeights) {
  const PreparedJob job = split_job({.tp = 3}, {.dim = 0});
  const RankPlans plans = plan_ranks(job, dist::Mesh{6, {.tp = 3}});
  for (int rank = 0; rank < 6; ++rank) {
    const std::uint64_t elements = rank % 3 == 0 ? 33'333'334 : 33'333'333;
    EXPECT_EQ(plans.of(rank).components[0].bytes, 2 * elements) << rank;
    EXPECT_EQ(plans.of(rank).components[1].bytes, 2U * 300'000'000) << rank;
  }
  EXPECT_EQ(plans.peak(), plans.of(3).peak());
  EXPECT_LT(plans.peak(), plan_memory(split_job({}, {})).peak());
}

TEST(MemoryPlan, OfAStageHoldsItsBlocks) {
  const dist::ShardRule second{.stages = dist::Stages::of_layer, .layer = 1};
  const PreparedJob job = split_job({.pp = 2}, second);
  const RankPlans plans = plan_ranks(job, dist::Mesh{2, {.pp = 2}});
  EXPECT_EQ(plans.of(0).components[0].bytes, 0U);
  EXPECT_EQ(plans.of(1).components[0].bytes, 2U * 100'000'000);
  EXPECT_EQ(&plans.largest(), &plans.of(1));
}

TEST(MemoryShortageByRank, AddsUpWhatTheRanksOfAMachineTake) {
  const PreparedJob job = split_job({.pp = 2}, {.stages = dist::Stages::of_layer, .layer = 1});
  const RankPlans plans = plan_ranks(job, dist::Mesh{2, {.pp = 2}});
  const std::uint64_t both = plans.of(0).peak() + plans.of(1).peak();
  const auto ranks = [](std::uint64_t available) {
    return std::vector<RankMemory>(
        2,
        RankMemory{.machine = "a", .name = "a", .resident = 0, .bounds = {{"m", "MemAvailable", available}}});
  };
  EXPECT_FALSE(memory_shortage(ranks(both), plans, {}));
  const std::optional<Error> error = memory_shortage(ranks(both - 1), plans, {});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->where().rank, 1) << "the one that takes most";
}

TEST(RankList, JoinsNeighboursAndCutsLongOnesShort) {
  EXPECT_EQ(rank_list({0}), "0");
  EXPECT_EQ(rank_list({0, 1, 2, 3}), "0-3");
  EXPECT_EQ(rank_list({1, 2, 5, 8, 9}), "1-2, 5, 8-9");
  EXPECT_EQ(rank_list({0, 2, 4, 6, 8, 10}), "0, 2, 4, 6 and 2 more");
}

}  // namespace
}  // namespace ditmill::jobs::plan

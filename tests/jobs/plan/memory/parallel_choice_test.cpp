#include "jobs/plan/memory/parallel_choice.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "jobs/plan/memory/turns_choice.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/vae/wan_vae_dims.h"
#include "models/wan/dims.h"

namespace ditmill::jobs::plan {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t gb = 1'000'000'000;

/// One clip of a 1.3B transformer, with so many bytes of weights that tp cuts.
PreparedJob job_of(std::uint64_t weights, int frames = 81, double guidance_scale = 5) {
  PreparedJob job;
  job.family = &models::family_named("wan");
  job.hyper_parameters["transformer"] = models::wan::to_json({.dim = 1536,
                                                              .heads = 12,
                                                              .head_dim = 128,
                                                              .ffn_dim = 8960,
                                                              .layers = 30,
                                                              .in_channels = 16,
                                                              .out_channels = 16,
                                                              .text_dim = 64,
                                                              .freq_dim = 256});
  job.hyper_parameters["text_encoder"] = models::to_json(models::Umt5Dims{
      .vocabulary = 300, .dim = 64, .heads = 16, .head_dim = 16, .ffn_dim = 96, .layers = 2});
  job.hyper_parameters["vae"] =
      models::to_json(models::WanVaeDims{.base_dim = 8,
                                         .z_dim = 16,
                                         .dim_mult = {1, 2, 4, 4},
                                         .num_res_blocks = 2,
                                         .temporal_downsample = {false, true, true},
                                         .latents_mean = std::vector<double>(16, 0.0),
                                         .latents_std = std::vector<double>(16, 1.0)});
  registry::WeightFile file{.path = "transformer", .size = weights, .tensors = {}};
  file.tensors.push_back(
      {.name = "w", .type = registry::ElementType::bf16, .shape = {weights / 2}, .begin = 0, .end = weights});
  dist::ComponentPlan plan{
      .name = "transformer", .hyper_parameters = {}, .keep_float32 = {}, .files = {file}};
  plan.rules["w"] = {.dim = 0};
  job.components = {plan};
  job.manifest.pipeline.guidance_scale = guidance_scale;
  job.manifest.pipeline.parallel.automatic = true;
  requests::Item item;
  item.request.width = 832;
  item.request.height = 480;
  item.request.frames = frames;
  item.request.prompt = "cat";
  job.manifest.items = {item};
  return job;
}

Room room_for(int world, int ranks_per_machine, std::uint64_t bytes) {
  return {
      .world = world, .ranks_per_machine = ranks_per_machine, .bytes = bytes, .source = "MemAvailable of a"};
}

std::uint64_t peak_with(const PreparedJob& job, int world, const configs::ParallelConfig& degrees) {
  configs::PipelineConfig pipeline = job.manifest.pipeline;
  pipeline.parallel = degrees;
  const MemoryPlanner planner{job};
  return RankPlans{planner, pipeline, dist::Mesh{world, degrees}}.peak();
}

TEST(ParallelChoice, IsDpAloneWhereARankHoldsAnItem) {
  const PreparedJob job = job_of(gb);
  const ParallelChoice choice = choose_parallel(job, room_for(8, 8, 1000 * gb));
  EXPECT_TRUE(choice.fits);
  EXPECT_FALSE(choice.degrees.automatic);
  EXPECT_EQ(choice.degrees.dp, std::nullopt);
  EXPECT_EQ(describe(choice.degrees), "dp only");
  EXPECT_THAT(choice.reasons, testing::Contains(HasSubstr("dp only")));
}

TEST(ParallelChoice, TakesTheFewestRanksAGroupThatFit) {
  const PreparedJob job = job_of(gb);
  const std::uint64_t two = peak_with(job, 8, {.ulysses = 2});
  ASSERT_LT(two, peak_with(job, 8, {}));
  const ParallelChoice choice = choose_parallel(job, room_for(8, 8, two));
  EXPECT_EQ(describe(choice.degrees), "ulysses 2");
  EXPECT_EQ(choice.peak, two);
  const std::uint64_t four = peak_with(job, 8, {.cfg = 2, .ulysses = 2});
  const std::uint64_t less = std::min(two, four) - 1;
  EXPECT_EQ(choose_parallel(job, room_for(8, 8, less)).degrees.group_size(), 4);
}

TEST(ParallelChoice, SplitsWeightsWhereNothingElseHelps) {
  const PreparedJob job = job_of(100 * gb, 1);
  const ParallelChoice choice = choose_parallel(job, room_for(8, 8, 60 * gb));
  EXPECT_TRUE(choice.fits);
  EXPECT_EQ(choice.degrees.tp, 2);
  EXPECT_EQ(choice.degrees.group_size(), 2);
}

TEST(ParallelChoice, KeepsTpAndUlyssesInsideAMachineAndTheModel) {
  const PreparedJob job = job_of(100 * gb, 1);
  const ParallelChoice choice = choose_parallel(job, room_for(32, 2, 30 * gb));
  EXPECT_FALSE(choice.fits) << "tp 4 would, on machines of 4";
  EXPECT_LE(choice.degrees.tp * choice.degrees.ulysses, 2);
  EXPECT_TRUE(choose_parallel(job, room_for(32, 4, 30 * gb)).fits);
  EXPECT_FALSE(choose_parallel(job, room_for(16, 16, 7 * gb)).fits) << "tp 16 is more than 12 heads";
}

TEST(ParallelChoice, SharesNoSecondPassWhereThereIsNone) {
  for (const std::uint64_t bytes : {gb, 2 * gb, 4 * gb}) {
    EXPECT_EQ(choose_parallel(job_of(gb, 81, 1), room_for(16, 16, bytes)).degrees.cfg, 1);
  }
}

TEST(ParallelChoice, ThatDoesNotFitIsRefusedWithTheBestThereIs) {
  const PreparedJob job = job_of(100 * gb, 1);
  const Room room = room_for(4, 4, 10 * gb);
  const ParallelChoice choice = choose_parallel(job, room);
  ASSERT_FALSE(choice.fits);
  EXPECT_EQ(choice.degrees.tp, 4);
  const Error error = no_layout_fits(job, room, choice);
  EXPECT_EQ(error.category(), Category::usage);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("10.000 GB"), HasSubstr("MemAvailable of a"), HasSubstr("tp 4"),
                                  HasSubstr("too much"), HasSubstr("more ranks")));
}

TEST(ParallelChoice, IsTheSameEveryTime) {
  const PreparedJob job = job_of(20 * gb);
  const Room room = room_for(24, 12, 8 * gb);
  const ParallelChoice first = choose_parallel(job, room);
  const ParallelChoice second = choose_parallel(job, room);
  EXPECT_EQ(describe(first.degrees), describe(second.degrees));
  EXPECT_EQ(first.reasons, second.reasons);
}

TEST(ParallelChoice, NeedsNoBoundForARehearsalOrWhereNoneIsKnown) {
  EXPECT_EQ(describe(choose_parallel(PreparedJob{}, room_for(4, 4, 1)).degrees), "dp only");
  Room unknown = room_for(4, 4, 1);
  unknown.bytes.reset();
  EXPECT_EQ(describe(choose_parallel(job_of(gb), unknown).degrees), "dp only");
}

TEST(ParallelRoom, IsTheTightestBoundSharedByItsRanks) {
  const auto on = [](const std::string& machine, std::uint64_t available) {
    return RankMemory{
        .machine = machine, .name = machine, .resident = 0, .bounds = {{"m", "MemAvailable", available}}};
  };
  const std::vector<RankMemory> ranks{on("a", 8 * gb), on("a", 8 * gb), on("a", 8 * gb),
                                      on("a", 8 * gb), on("b", 6 * gb), on("b", 6 * gb)};
  const Room room = room_of(ranks);
  EXPECT_EQ(room.world, 6);
  EXPECT_EQ(room.ranks_per_machine, 2) << "what divides 4 and 2";
  EXPECT_EQ(room.bytes, 2 * gb);
  EXPECT_THAT(room.source, AllOf(HasSubstr("MemAvailable of a"), HasSubstr("4 ranks")));
  EXPECT_FALSE(room_of({}).bytes);
}

/// The same with a second expert.
PreparedJob experts_of_size(std::uint64_t weights) {
  PreparedJob job = job_of(weights);
  job.hyper_parameters["transformer_2"] = job.hyper_parameters["transformer"];
  job.components.push_back(job.components.front());
  job.components.back().name = "transformer_2";
  job.manifest.pipeline.components["transformer_2"] = job.manifest.pipeline.components["transformer"];
  job.manifest.pipeline.parallel = {};
  return job;
}

TEST(ChooseTurns, LeavesExpertsWhereTheyFit) {
  PreparedJob job = experts_of_size(10 * gb);
  const std::optional<std::string> why = choose_turns(job, room_for(1, 1, 1000 * gb));
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("stay"));
  EXPECT_FALSE(job.manifest.pipeline.components.at("transformer").offload.any());
  EXPECT_FALSE(job.components.front().offload.any());
}

TEST(ChooseTurns, BringsThemByTurnsWhereTheyDoNot) {
  PreparedJob job = experts_of_size(100 * gb);
  const std::uint64_t together = peak_of(MemoryPlanner{job}, job.manifest.pipeline, room_for(1, 1, gb));
  const std::optional<std::string> why = choose_turns(job, room_for(1, 1, together - gb));
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, AllOf(HasSubstr("take turns"), HasSubstr("up to 16 items")));
  for (const char* name : {"transformer", "transformer_2"}) {
    EXPECT_EQ(job.manifest.pipeline.components.at(name).offload.type, configs::OffloadType::stages);
  }
  for (const dist::ComponentPlan& component : job.components) EXPECT_TRUE(component.offload.any());
  const std::uint64_t in_turn = peak_of(MemoryPlanner{job}, job.manifest.pipeline, room_for(1, 1, gb));
  EXPECT_LT(in_turn, together - 90 * gb) << "one of them is there at a time";
  EXPECT_GT(in_turn, 100 * gb);
}

TEST(ChooseTurns, KeepsWhatTheManifestAsksFor) {
  PreparedJob job = experts_of_size(100 * gb);
  job.manifest.pipeline.components["transformer"].offload = {.type = configs::OffloadType::async};
  EXPECT_FALSE(choose_turns(job, room_for(1, 1, gb)));
  PreparedJob one = job_of(100 * gb);
  one.manifest.pipeline.parallel = {};
  EXPECT_FALSE(choose_turns(one, room_for(1, 1, gb))) << "there is nothing to take turns with";
}

TEST(ParallelChoice, HasExpertsTakeTurnsBeforeItGivesUp) {
  PreparedJob job = experts_of_size(100 * gb);
  const std::uint64_t in_turn = peak_of(MemoryPlanner{job}, *by_turns(job), room_for(1, 1, gb));
  job.manifest.pipeline.parallel.automatic = true;
  const ParallelChoice choice = choose_parallel(job, room_for(1, 1, in_turn + gb));
  EXPECT_TRUE(choice.fits);
  EXPECT_FALSE(choose_parallel(job, room_for(1, 1, in_turn / 2)).fits);
}

}  // namespace
}  // namespace ditmill::jobs::plan

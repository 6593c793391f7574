#include "configs/preset.h"

#include <gmock/gmock.h>

#include "configs/error.h"
#include "configs/list_text.h"
#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// As messages list them.
std::string all_names() {
  std::string names;
  for (const std::string& name : preset_names()) extend_list(names, name);
  return names;
}

TEST(Presets, AreCompiledInAndGood) {
  EXPECT_THAT(preset_names(),
              testing::IsSupersetOf({"wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.2-t2v-a14b"}));
  for (const std::string& name : preset_names()) {
    const Preset preset = preset_named(name);
    EXPECT_EQ(preset.name, name);
    EXPECT_EQ(preset.pipeline.preset, name);
    EXPECT_EQ(preset.pipeline.components.at("vae").dtype, Dtype::float32);
  }
}

TEST(Presets, HoldWhatTheAuthorsRecommend) {
  const Preset small = preset_named("wan2.1-t2v-1.3b");
  EXPECT_EQ(small.pipeline.solver, Solver::unipc);
  EXPECT_EQ(small.pipeline.steps, 50);
  EXPECT_EQ(small.pipeline.guidance_scale, 5.0);
  EXPECT_EQ(small.pipeline.flow_shift, 3.0);
  EXPECT_EQ(small.pipeline.dtype, Dtype::bfloat16);
  EXPECT_EQ(small.pipeline.negative_prompt_suffix, "");
  EXPECT_EQ(small.defaults.request, (Request{.width = 832, .height = 480, .frames = 81, .fps = 16}));
  const Preset large = preset_named("wan2.1-t2v-14b");
  EXPECT_EQ(large.pipeline.flow_shift, 5.0);
  EXPECT_EQ(large.defaults.request, (Request{.width = 1280, .height = 720, .frames = 81, .fps = 16}));
}

TEST(Presets, OfTwoExpertsShareTheStepsAndHaveTwoScales) {
  const PipelineConfig experts = preset_named("wan2.2-t2v-a14b").pipeline;
  EXPECT_EQ(real_in(experts.more, "boundary"), 0.875);
  EXPECT_EQ(experts.guidance_scale, 4.0);
  EXPECT_EQ(real_in(experts.more, "guidance_scale_2"), 3.0);
  EXPECT_EQ(experts.flow_shift, 12.0);
  const PipelineConfig distilled = preset_named("wan2.2-t2v-a14b-distilled").pipeline;
  EXPECT_FALSE(distilled.guided());
  EXPECT_EQ(distilled.steps, 4);
  EXPECT_EQ(distilled.solver, Solver::wan_euler);
}

TEST(Presets, SayEachComponentsType) {
  for (const char* name :
       {"wan2.1-i2v-14b-480p", "wan2.1-i2v-14b-720p", "wan2.1-flf2v-14b-720p", "wan2.1-fun-inp"}) {
    const PipelineConfig pictures = preset_named(name).pipeline;
    EXPECT_EQ(pictures.dtype, Dtype::bfloat16);
    EXPECT_EQ(pictures.components.at("transformer").dtype, Dtype::bfloat16);
    EXPECT_EQ(pictures.components.at("image_encoder").dtype, Dtype::float32) << name;
  }
  EXPECT_FALSE(preset_named("wan2.2-i2v-a14b").pipeline.components.contains("image_encoder"));
}

TEST(Presets, ATypeOfAComponentAloneOutlivesThatOfAll) {
  const Preset preset = parse_preset({"mine", "mine.yaml",
                                      "pipeline: {dtype: bfloat16, components: {image_encoder: {dtype: "
                                      "float32}, text_encoder: {dtype: bfloat16}}}\n"});
  PipelineConfig pipeline = preset.pipeline;
  EXPECT_THAT(problems_of("{dtype: float32, components: {image_encoder: {dtype: bfloat16}}}",
                          [&](MapReader& reader) { apply_pipeline(reader, pipeline); }),
              IsEmpty());
  EXPECT_EQ(pipeline.components.at("transformer").dtype, Dtype::float32);
  EXPECT_EQ(pipeline.components.at("text_encoder").dtype, Dtype::bfloat16);
  EXPECT_EQ(pipeline.components.at("image_encoder").dtype, Dtype::bfloat16);
  EXPECT_EQ(pipeline.components.at("vae").dtype, Dtype::float32);
}

TEST(Presets, UnknownNamesAreAnsweredWithTheNearest) {
  try {
    preset_named("wan2.1-t2v-1.4b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_EQ(error.what(), "find the preset: expected " + all_names() +
                                ", got wan2.1-t2v-1.4b; did you mean wan2.1-t2v-1.3b?");
  }
}

TEST(Presets, AreNamedByTheManifest) {
  struct Case {
    std::string text;
    std::string preset;
    std::vector<std::string> problems;
  };
  const std::string known = " (expected " + all_names() + ")";
  const std::vector<Case> cases{
      {"{}", "", {}},
      {"preset: wan2.1-t2v-14b", "wan2.1-t2v-14b", {}},
      {"preset: wan2.1-t2v-15b",
       "",
       {"m.yaml:1:9: unknown preset wan2.1-t2v-15b" + known + "; did you mean wan2.1-t2v-14b?"}},
      {"preset: cats", "", {"m.yaml:1:9: unknown preset cats" + known}},
      {"preset: ~", "", {}},    // apply_pipeline() says so
      {"preset: [a]", "", {}},  // apply_pipeline() says so
  };
  for (const Case& each : cases) {
    std::string found;
    EXPECT_EQ(problems_of(each.text,
                          [&found](MapReader& reader) {
                            if (const std::optional<Preset> preset = read_preset(reader))
                              found = preset->name;
                          }),
              each.problems);
    EXPECT_EQ(found, each.preset) << each.text;
  }
}

TEST(Presets, MayCarryANegativePromptOfTheirOwn) {
  const Preset preset = parse_preset({"mine", "mine.yaml", "negative_prompt_suffix: blurry, static\n"});
  EXPECT_EQ(preset.name, "mine");
  EXPECT_EQ(preset.pipeline.negative_prompt_suffix, "blurry, static");
}

TEST(Presets, AreCheckedLikeManifests) {
  EXPECT_THROW(parse_preset({"mine", "mine.yaml", "pipeline: {steps: 0}\n"}), Error);
  EXPECT_THROW(parse_preset({"mine", "mine.yaml", "requests: {defaults: {prompt: x}}\n"}), Error);
  EXPECT_THROW(parse_preset({"mine", "mine.yaml", "requests: {default: {}}\n"}), Error);
  EXPECT_THROW(parse_preset({"mine", "mine.yaml", "pipelines: {}\n"}), Error);
  EXPECT_THROW(parse_preset({"mine", "mine.yaml", "pipeline: {components: {upscaler: {}}}\n"}), Error);
}

}  // namespace
}  // namespace ditmill::configs

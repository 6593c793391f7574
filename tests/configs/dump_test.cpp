#include "configs/dump.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::configs {
namespace {

using nlohmann::json;

TEST(Dump, Layer1ListsTheComponentsAsTeleFuserDoes) {
  const ModelDefinition model{
      .path = "/models/wan", .catalog = "/c.yaml", .variants = {{"transformer", "high"}}};
  const WeightsDump weights{.components = {{.name = "transformer",
                                            .family = "wan",
                                            .architecture = "wan_dit",
                                            .variant = "wan2.1-t2v-1.3b",
                                            .layout = "diffusers",
                                            .path = "/models/wan/transformer",
                                            .key_hash = "9269f8db",
                                            .digest = "sha256:ab",
                                            .dtype = "bfloat16",
                                            .parameters = 1418996800,
                                            .hyper_parameters = {{"heads", 12}}}},
                            .experts = {{.name = "high", .variant = "wan2.2-t2v-a14b-high"}},
                            .quantization = "f8_e4m3",
                            .prediction_type = "flow"};
  EXPECT_EQ(dump_layer1(model, weights), json::parse(R"({
    "models": [{"name": "transformer", "class": "wan_dit", "variant": "wan2.1-t2v-1.3b", "layout": "diffusers",
                "path": "/models/wan/transformer", "key_hash": "9269f8db", "digest": "sha256:ab",
                "dtype": "bfloat16", "parameters": 1418996800, "hyper_parameters": {"heads": 12}}],
    "experts": [{"name": "high", "variant": "wan2.2-t2v-a14b-high"}], "quantization": "f8_e4m3",
    "prediction_type": "flow",
    "path": "/models/wan", "noop": null, "catalog": "/c.yaml", "digest": "", "variants": {"transformer": "high"},
    "distilled": false})"));
}

TEST(Dump, Layer1OfARehearsalHasEveryField) {
  const json dumped = dump_layer1({.noop_seconds = 0.5, .variants = {}}, {});
  EXPECT_EQ(dumped, json::parse(R"({"models": [], "experts": [], "quantization": null,
                                    "prediction_type": null, "path": "", "noop": 0.5, "catalog": "",
                                    "digest": "", "variants": {}, "distilled": false})"));
}

TEST(Dump, Layer2HoldsEveryFieldAsANumberOrAWord) {
  PipelineConfig pipeline;
  pipeline.preset = "wan2.1-t2v-1.3b";
  EXPECT_EQ(dump_layer2(pipeline), json::parse(R"({
    "preset": "wan2.1-t2v-1.3b", "solver": "unipc", "steps": 50, "guidance_scale": 5.0, "flow_shift": 3.0,
    "dtype": "bfloat16",
    "parallel": {"dp": "auto", "cfg": 1, "ring": 1, "ulysses": 1, "pp": 1, "tp": 1, "fsdp": false,
                 "reshard_after_forward": true},
    "components": {"transformer": {"dtype": "bfloat16", "attention": "sdpa", "offload": "none"},
                   "text_encoder": {"dtype": "bfloat16", "attention": "sdpa", "offload": "none"},
                   "vae": {"dtype": "float32", "attention": "sdpa", "offload": "none", "tiling": false}},
    "text_window": 64, "negative_prompt_suffix": ""})"));
  EXPECT_TRUE(dump_layer2(pipeline).at("guidance_scale").is_number_float());
}

TEST(Dump, Layer2ComesBackAsItWas) {
  PipelineConfig pipeline;
  pipeline.preset = "p";
  pipeline.solver = Solver::euler;
  pipeline.steps = 7;
  pipeline.guidance_scale = 0.1;
  pipeline.flow_shift = 12.25;
  pipeline.dtype = Dtype::float32;
  pipeline.parallel = {.dp = 3,
                       .cfg = 2,
                       .ring = 4,
                       .ulysses = 5,
                       .pp = 6,
                       .tp = 7,
                       .fsdp = true,
                       .reshard_after_forward = false};
  pipeline.components["transformer"] = {.dtype = Dtype::float32, .attention = "other"};
  pipeline.components["text_encoder"].offload = {.type = OffloadType::stages};
  pipeline.components["transformer"].offload = {.type = OffloadType::async, .ratio = 0.25, .prefetch = 3};
  pipeline.components["vae"].offload = {.type = OffloadType::sequential};
  pipeline.text_window = 9;
  pipeline.negative_prompt_suffix = "caf\u00e9";
  const json dumped = dump_layer2(pipeline);
  EXPECT_EQ(dump_layer2(pipeline_from_dump(json::parse(dumped.dump()))), dumped);
  EXPECT_NE(dump_layer2(pipeline_from_dump(dump_layer2(PipelineConfig{}))), dumped);
}

TEST(Dump, Layer2SaysThatDegreesAreStillToBeChosen) {
  PipelineConfig pipeline;
  pipeline.parallel.automatic = true;
  const json dumped = dump_layer2(pipeline);
  EXPECT_EQ(dumped.at("parallel"), "auto");
  EXPECT_TRUE(pipeline_from_dump(dumped).parallel.automatic);
  json before = dump_layer2(PipelineConfig{});
  before["parallel"].erase("reshard_after_forward");
  EXPECT_EQ(dump_layer2(pipeline_from_dump(before)), dump_layer2(PipelineConfig{}));
}

TEST(Dump, Layer2HoldsTheSizesOfTiles) {
  PipelineConfig pipeline;
  pipeline.components["vae"].tiling = VaeTiling{.height = 128, .width = 320, .stride_height = 96};
  const json dumped = dump_layer2(pipeline);
  EXPECT_EQ(dumped.at("components").at("vae").at("tiling"),
            json::parse(R"({"height": 128, "width": 320, "stride_height": 96, "stride_width": 192})"));
  EXPECT_EQ(dump_layer2(pipeline_from_dump(json::parse(dumped.dump()))), dumped);
}

TEST(Dump, OfAVersionWithoutTilingHasNone) {
  json dumped = dump_layer2(PipelineConfig{});
  dumped["components"]["vae"].erase("tiling");
  EXPECT_EQ(dump_layer2(pipeline_from_dump(dumped)), dump_layer2(PipelineConfig{}));
}

TEST(Dump, RefusesTilesOfAnotherShape) {
  for (const json& tiling : {json(true), json(256), json::array(), json::object({{"height", 256}})}) {
    json dumped = dump_layer2(PipelineConfig{});
    dumped["components"]["vae"]["tiling"] = tiling;
    EXPECT_THROW(pipeline_from_dump(dumped), Error) << tiling;
  }
}

TEST(Dump, RefusesADumpOfAnotherShape) {
  const json good = dump_layer2(PipelineConfig{});
  for (const auto& [key, value] : good.items()) {
    json missing = good;
    missing.erase(key);
    EXPECT_THROW(pipeline_from_dump(missing), Error) << key;
  }
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{
           {"steps", "many"}, {"solver", "dpm"}, {"solver", 5}, {"dtype", "int8"}, {"parallel", 4}}) {
    json wrong = good;
    wrong[key] = value;
    EXPECT_THROW(pipeline_from_dump(wrong), Error) << key;
  }
  EXPECT_THROW(pipeline_from_dump(json::array()), Error);
}

TEST(Dump, Layer3HoldsEveryField) {
  const Request request{
      .id = "tabby", .prompt = "a cat", .negative_prompt = "n", .seed = 9223372036854775807};
  EXPECT_EQ(dump_layer3(request), json::parse(R"({"id": "tabby", "prompt": "a cat", "negative_prompt": "n",
    "seed": 9223372036854775807, "width": 832, "height": 480, "frames": 81, "fps": 16.0})"));
}

TEST(Dump, TheWholeNamesItsVersionTimeAndDevice) {
  const json layer1 = dump_layer1({}, {});
  const json layer2 = dump_layer2({});
  json whole = dump_config("wan", "cpu", layer1, layer2);
  EXPECT_THAT(whole.at("timestamp").get<std::string>(),
              testing::MatchesRegex("[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z"));
  whole.erase("timestamp");
  EXPECT_EQ(whole, (json{{"version", "1.0"},
                         {"pipeline_type", "wan"},
                         {"device", "cpu"},
                         {"torch_dtype", "bfloat16"},
                         {"layer1_model_definition", layer1},
                         {"layer2_inference_config", layer2}}));
}

}  // namespace
}  // namespace ditmill::configs

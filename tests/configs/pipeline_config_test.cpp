#include "configs/pipeline_config.h"

#include <gmock/gmock.h>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PipelineConfig applied(std::string_view text, std::vector<std::string>& problems,
                       PipelineConfig config = {}) {
  problems = problems_of(text, [&config](MapReader& root) { apply_pipeline(root, config); });
  return config;
}

PipelineConfig apply_good(std::string_view text, PipelineConfig config = {}) {
  std::vector<std::string> problems;
  config = applied(text, problems, std::move(config));
  EXPECT_THAT(problems, IsEmpty()) << text;
  return config;
}

TEST(PipelineConfig, ReadsEveryField) {
  const PipelineConfig config = apply_good(R"(
preset: wan2.1-t2v-1.3b
solver: euler
steps: 8
guidance_scale: 1
flow_shift: 7.5
dtype: float32
parallel: {dp: 3, cfg: 1, ring: 1, ulysses: 1, pp: 1, tp: 1, fsdp: false}
components:
  dit: {dtype: bfloat16, attention: {impl: sdpa}, offload: none, lora: []}
  vae: {dtype: bfloat16, attention: sdpa}
  text_encoder: {window: 16}
loading: {strategy: broadcast}
)");
  EXPECT_EQ(config.preset, "wan2.1-t2v-1.3b");
  EXPECT_EQ(config.solver, Solver::euler);
  EXPECT_EQ(config.steps, 8);
  EXPECT_EQ(config.guidance_scale, 1.0);
  EXPECT_EQ(config.flow_shift, 7.5);
  EXPECT_EQ(config.dtype, Dtype::float32);
  EXPECT_EQ(config.parallel.dp, 3);
  EXPECT_EQ(config.parallel.group_size(), 1);
  EXPECT_EQ(config.components.at("transformer").dtype, Dtype::bfloat16);
  EXPECT_EQ(config.components.at("text_encoder").dtype, Dtype::float32);
  EXPECT_EQ(config.components.at("vae").dtype, Dtype::bfloat16);
  EXPECT_EQ(config.text_window, 16);
}

TEST(PipelineConfig, KeepsThePresetsValueWhereNothingIsWritten) {
  PipelineConfig preset;
  preset.solver = Solver::euler;
  preset.steps = 4;
  preset.flow_shift = 12;
  preset.parallel.dp = 2;
  preset.text_window = 5;
  preset.negative_prompt_suffix = "blurry";
  const PipelineConfig config = apply_good("steps: 9", preset);
  EXPECT_EQ(config.steps, 9);
  EXPECT_EQ(config.solver, Solver::euler);
  EXPECT_EQ(config.flow_shift, 12);
  EXPECT_EQ(config.parallel.dp, 2);
  EXPECT_EQ(config.text_window, 5);
  EXPECT_EQ(config.negative_prompt_suffix, "blurry");
  EXPECT_EQ(apply_good("parallel: {dp: auto}", preset).parallel.dp, std::nullopt);
}

TEST(PipelineConfig, DtypeIsOfDitAndTextEncoderOnly) {
  const PipelineConfig plain = apply_good("");
  EXPECT_EQ(plain.components.at("transformer").dtype, Dtype::bfloat16);
  EXPECT_EQ(plain.components.at("text_encoder").dtype, Dtype::bfloat16);
  EXPECT_EQ(plain.components.at("vae").dtype, Dtype::float32);
  EXPECT_EQ(plain.components.size(), 3U);

  const PipelineConfig wide = apply_good("dtype: float32");
  EXPECT_EQ(wide.components.at("transformer").dtype, Dtype::float32);
  EXPECT_EQ(wide.components.at("text_encoder").dtype, Dtype::float32);
  EXPECT_EQ(wide.components.at("vae").dtype, Dtype::float32);

  // A component's own wins wherever it stands in the file.
  const PipelineConfig own = apply_good("components: {text_encoder: {dtype: bfloat16}}\ndtype: float32\n");
  EXPECT_EQ(own.components.at("transformer").dtype, Dtype::float32);
  EXPECT_EQ(own.components.at("text_encoder").dtype, Dtype::bfloat16);
}

TEST(PipelineConfig, ReadsEveryDegree) {
  const ParallelConfig parallel =
      apply_good(
          "parallel: {cfg: 2, ring: 3, ulysses: 4, pp: 5, tp: 6, fsdp: true, reshard_after_forward: false}")
          .parallel;
  EXPECT_EQ(parallel.dp, std::nullopt);
  EXPECT_EQ(parallel.cfg, 2);
  EXPECT_EQ(parallel.ring, 3);
  EXPECT_EQ(parallel.ulysses, 4);
  EXPECT_EQ(parallel.pp, 5);
  EXPECT_EQ(parallel.tp, 6);
  EXPECT_TRUE(parallel.fsdp);
  EXPECT_FALSE(parallel.reshard_after_forward);
  EXPECT_FALSE(parallel.automatic);
  EXPECT_EQ(parallel.group_size(), 2 * 3 * 4 * 5 * 6);
  EXPECT_TRUE(apply_good("parallel: {cfg: 2, fsdp: true}").parallel.reshard_after_forward);
  EXPECT_FALSE(apply_good("parallel: {fsdp: false, reshard_after_forward: true}").parallel.fsdp);
}

TEST(PipelineConfig, DegreesMayBeLeftToBeChosen) {
  const PipelineConfig automatic = apply_good("parallel: auto");
  EXPECT_TRUE(automatic.parallel.automatic);
  EXPECT_EQ(automatic.parallel.group_size(), 1);
  const ParallelConfig given = apply_good("parallel: {tp: 2}", automatic).parallel;
  EXPECT_FALSE(given.automatic);
  EXPECT_EQ(given.tp, 2);
  EXPECT_TRUE(apply_good("steps: 4", automatic).parallel.automatic);
}

TEST(PipelineConfig, TheSizeOfAGroupDoesNotWrap) {
  ParallelConfig parallel;
  parallel.ring = parallel.ulysses = parallel.pp = parallel.tp = 65536;
  EXPECT_EQ(parallel.group_size(), 1 << 30);
}

std::vector<int> edges(const std::optional<VaeTiling>& tiling) {
  if (!tiling) return {};
  return {tiling->height, tiling->width, tiling->stride_height, tiling->stride_width};
}

TEST(PipelineConfig, TilingIsOffOrOfTheUsualOrOfGivenSizes) {
  struct Case {
    std::string tiling;
    std::vector<int> edges;
  };
  for (const Case& each : {Case{"false", {}},
                           {"true", {256, 256, 192, 192}},
                           {"{}", {256, 256, 192, 192}},
                           {"{height: 512}", {512, 256, 192, 192}},
                           {"{width: 200, stride_width: 200}", {256, 200, 192, 200}},
                           {"{height: 8, width: 16, stride_height: 8, stride_width: 8}", {8, 16, 8, 8}}}) {
    const PipelineConfig config = apply_good("components: {vae: {tiling: " + each.tiling + "}}");
    EXPECT_EQ(edges(config.components.at("vae").tiling), each.edges) << each.tiling;
  }
  EXPECT_EQ(edges(apply_good("").components.at("vae").tiling), std::vector<int>{});
}

TEST(PipelineConfig, TilingIsThePresetsWhereNothingIsWritten) {
  PipelineConfig preset;
  preset.components["vae"].tiling = VaeTiling{.height = 64, .stride_height = 48};
  const auto applied_over = [&](const char* vae) {
    return edges(
        apply_good(std::string("components: {vae: ") + vae + "}", preset).components.at("vae").tiling);
  };
  EXPECT_EQ(applied_over("{}"), (std::vector<int>{64, 256, 48, 192}));
  EXPECT_EQ(applied_over("{tiling: true}"), (std::vector<int>{64, 256, 48, 192}));
  EXPECT_EQ(applied_over("{tiling: {width: 320}}"), (std::vector<int>{64, 320, 48, 192}));
  EXPECT_EQ(applied_over("{tiling: false}"), std::vector<int>{});
}

TEST(PipelineConfig, RefusesValuesOutOfPlace) {
  struct Case {
    std::string text;
    std::string problem;
  };
  const std::vector<Case> cases{
      {"steps: 0", "m.yaml:1:8: steps is out of range (expected a whole number from 1 to 1000, got 0)"},
      {"steps: 1001", "m.yaml:1:8: steps is out of range (expected a whole number from 1 to 1000, got 1001)"},
      {"steps: 8.0",
       "m.yaml:1:8: steps has the wrong type (expected a whole number from 1 to 1000, got 8.0)"},
      {"guidance_scale: -0.5",
       "m.yaml:1:17: guidance_scale is out of range (expected a number from 0 to 100, got -0.5)"},
      {"guidance_scale: 101",
       "m.yaml:1:17: guidance_scale is out of range (expected a number from 0 to 100, got 101)"},
      {"flow_shift: 0",
       "m.yaml:1:13: flow_shift is out of range (expected a number above 0, at most 100, got 0)"},
      {"flow_shift: 100.1",
       "m.yaml:1:13: flow_shift is out of range (expected a number above 0, at most 100, got 100.1)"},
      {"solver: dpm",
       "m.yaml:1:9: solver has an unknown value (expected unipc, euler, wan-unipc, wan-euler or wan-dpm++, "
       "got "
       "dpm)"},
      {"solver: uinpc",
       "m.yaml:1:9: solver has an unknown value (expected unipc, euler, wan-unipc, wan-euler or wan-dpm++, "
       "got "
       "uinpc); did you mean unipc?"},
      {"dtype: bf16", "m.yaml:1:8: dtype has an unknown value (expected bfloat16 or float32, got bf16)"},
      {"dtype: float16",
       "m.yaml:1:8: dtype has an unknown value (expected bfloat16 or float32, got float16); did you mean "
       "bfloat16?"},
      {"parallel: {dp: 0}",
       "m.yaml:1:16: parallel.dp is out of range (expected auto, or a whole number from 1 to 65536, got 0)"},
      {"parallel: {dp: all}",
       "m.yaml:1:16: parallel.dp has the wrong type (expected auto, or a whole number from 1 to 65536, got "
       "all)"},
      {"parallel: {tp: 0}",
       "m.yaml:1:16: parallel.tp is out of range (expected a whole number from 1 to 65536, got 0)"},
      {"parallel: {dpp: 1}", "m.yaml:1:12: unknown key parallel.dpp; did you mean dp?"},
      {"parallel: 4",
       "m.yaml:1:11: parallel has the wrong type (expected auto, or a mapping of degrees, got 4)"},
      {"parallel: atuo",
       "m.yaml:1:11: parallel has the wrong type (expected auto, or a mapping of degrees, got atuo)"},
      {"parallel: {cfg: 3}",
       "m.yaml:1:17: parallel.cfg shares out the two passes of guidance (expected 1 or 2, got 3); did you "
       "mean 2?"},
      {"guidance_scale: 1\nparallel: {cfg: 2}",
       "m.yaml:2:17: parallel.cfg has no second half: guidance_scale is 1 or less (expected cfg: 1, or a "
       "guidance_scale above 1, got 2)"},
      {"parallel: {tp: 4, fsdp: true}",
       "m.yaml:1:25: parallel.fsdp would shard over one rank: cfg x ring x ulysses is 1 (expected ulysses, "
       "ring or cfg above 1, or fsdp: false, got true)"},
      {"parallel: {ulysses: 2, reshard_after_forward: false}",
       "m.yaml:1:47: parallel.reshard_after_forward is of fsdp, which is off (expected fsdp: true beside it, "
       "got false)"},
      {"components: {dit: {dtype: fp8}}",
       "m.yaml:1:27: components.dit.dtype has an unknown value (expected bfloat16 or float32, got fp8)"},
      {"components: {dit: {}, transformer: {}}",
       "m.yaml:1:14: components.dit is there twice: dit is the former name of transformer (expected one of "
       "them)"},
      {"components: {dit: {atention: sdpa}}",
       "m.yaml:1:20: unknown key components.dit.atention; did you mean attention?"},
      {"components: {vea: {}}", "m.yaml:1:14: unknown key components.vea; did you mean vae?"},
      {"components: {vae: {window: 3}}",
       "m.yaml:1:20: unknown key components.vae.window: it is a setting of pipeline.components.text_encoder "
       "(expected pipeline.components.text_encoder.window)"},
      {"components: {dit: {tiling: true}}",
       "m.yaml:1:20: unknown key components.dit.tiling: it is a setting of pipeline.components.vae (expected "
       "pipeline.components.vae.tiling)"},
      {"components: {text_encoder: {tiling: false}}",
       "m.yaml:1:29: unknown key components.text_encoder.tiling: it is a setting of pipeline.components.vae "
       "(expected pipeline.components.vae.tiling)"},
      {"components: {vae: {tilling: true}}",
       "m.yaml:1:20: unknown key components.vae.tilling; did you mean tiling?"},
      {"components: {vae: {tiling: 256}}",
       "m.yaml:1:28: components.vae.tiling has the wrong type (expected true, false or a mapping, got 256)"},
      {"components: {vae: {tiling: [256]}}",
       "m.yaml:1:28: components.vae.tiling has the wrong type (expected true, false or a mapping, got a "
       "list)"},
      {"components: {vae: {tiling: }}",
       "m.yaml:1:20: components.vae.tiling has the wrong type (expected true, false or a mapping, got "
       "nothing)"},
      {"components: {vae: {tiling: {stride: 8}}}", "m.yaml:1:29: unknown key components.vae.tiling.stride"},
      {"components: {vae: {tiling: {hieght: 8}}}",
       "m.yaml:1:29: unknown key components.vae.tiling.hieght; did you mean height?"},
      {"components: {vae: {tiling: {height: 0}}}",
       "m.yaml:1:37: components.vae.tiling.height is out of range (expected a whole number from 8 to 16384, "
       "got 0)"},
      {"components: {vae: {tiling: {width: 260}}}",
       "m.yaml:1:36: components.vae.tiling.width does not fit the VAE's latents (expected a multiple of 8, "
       "got 260); did you mean 264?"},
      {"components: {vae: {tiling: {stride_width: 33}}}",
       "m.yaml:1:43: components.vae.tiling.stride_width does not fit the VAE's latents (expected a multiple "
       "of 8, got 33); did you mean 32?"},
      {"components: {vae: {tiling: {stride_height: 264}}}",
       "m.yaml:1:44: components.vae.tiling.stride_height is larger than height (expected at most 256, got "
       "264)"},
      {"components: {vae: {tiling: {width: 128}}}",
       "m.yaml:1:36: components.vae.tiling.stride_width is larger than width (expected at most 128, got "
       "192)"},
      {"components: {text_encoder: {window: 0}}",
       "m.yaml:1:37: components.text_encoder.window is out of range (expected a whole number from 1 to 4096, "
       "got 0)"},
      {"components: {dit: {attention: [sdpa]}}",
       "m.yaml:1:31: components.dit.attention has the wrong type (expected text, got a list)"},
      {"components: {dit: {attention: {imp: sdpa}}}",
       "m.yaml:1:32: unknown key components.dit.attention.imp; did you mean impl?"},
      {"components: {dit: {offload: nome}}",
       "m.yaml:1:29: components.dit.offload has an unknown value (expected none, stages, model, sequential "
       "or "
       "async, got nome); did you mean none?"},
      {"components: {vae: {offload: {ratio: 0.5}}}",
       "m.yaml:1:29: components.vae.offload does not say which (expected type: async beside it)"},
      {"components: {dit: {offload: {type: model, prefetch: 2}}}",
       "m.yaml:1:43: components.dit.offload.prefetch is of type async (expected type: async, or none of it)"},
      {"components: {dit: {offload: {type: async, ratio: 2}}}",
       "m.yaml:1:50: components.dit.offload.ratio is out of range (expected a number from 0 to 1, got 2)"},
      {"components: {dit: {offload: {type: async, prefech: 1}}}",
       "m.yaml:1:43: unknown key components.dit.offload.prefech; did you mean prefetch?"},
      {"{parallel: {ulysses: 2, fsdp: true}, components: {dit: {offload: async}}}",
       "m.yaml:1:38: components.transformer.offload does not go together with parallel.fsdp (expected one of "
       "them, got async)"},
      {"components: {dit: {lora: a.safetensors}}",
       "m.yaml:1:26: components.dit.lora has the wrong type (expected a list, got a.safetensors)"},
      {"loading: {strategy: atuo}",
       "m.yaml:1:21: loading.strategy has an unknown value (expected auto, independent, broadcast, striped "
       "or shared, "
       "got atuo); did you mean auto?"},
      {"loading: {startegy: auto}", "m.yaml:1:11: unknown key loading.startegy; did you mean strategy?"},
      {"step: 5", "m.yaml:1:1: unknown key step; did you mean steps?"},
      {"negative_prompt_suffix: x", "m.yaml:1:1: unknown key negative_prompt_suffix"},
      {"preset: [a]", "m.yaml:1:9: preset has the wrong type (expected text, got a list)"},
  };
  for (const Case& each : cases) {
    std::vector<std::string> problems;
    const PipelineConfig config = applied(each.text, problems);
    EXPECT_THAT(problems, ElementsAre(each.problem)) << each.text;
    EXPECT_EQ(config.steps, PipelineConfig{}.steps);
  }
}

TEST(PipelineConfig, RefusesWhatThisVersionCannotRun) {
  struct Case {
    std::string text;
    std::vector<std::string> problems;
  };
  const std::vector<Case> cases{
      {"components: {dit: {attention: flash}}",
       {"m.yaml:1:31: this version cannot run attention flash (expected sdpa)"}},
      {"components: {vae: {attention: sdap}}",
       {"m.yaml:1:31: this version cannot run attention sdap (expected sdpa); did you mean sdpa?"}},
      {"components: {dit: {attention: {impl: radial, sparse: {}}}}",
       {"m.yaml:1:38: this version cannot run attention radial (expected sdpa)",
        "m.yaml:1:46: this version cannot run sparse attention (expected attention: sdpa)"}},
      {"components: {dit: {lora: [a.safetensors]}}",
       {"m.yaml:1:26: this version cannot apply LoRA files: components.dit.lora (expected an empty list)"}},
  };
  for (const Case& each : cases) {
    std::vector<std::string> problems;
    const PipelineConfig config = applied(each.text, problems);
    EXPECT_EQ(problems, each.problems) << each.text;
    EXPECT_EQ(config.components.at("transformer").attention, "sdpa");
    EXPECT_EQ(config.parallel.group_size(), 1);
  }
}

TEST(PipelineConfig, TakesEveryTypeOfOffloadForEveryComponent) {
  for (const auto& [text, offload] : std::vector<std::pair<std::string, Offload>>{
           {"none", {}},
           {"stages", {.type = OffloadType::stages}},
           {"model", {.type = OffloadType::stages}},
           {"{type: model}", {.type = OffloadType::stages}},
           {"sequential", {.type = OffloadType::sequential}},
           {"async", {.type = OffloadType::async}},
           {"{type: async, ratio: 0.5, prefetch: 3}",
            {.type = OffloadType::async, .ratio = 0.5, .prefetch = 3}}}) {
    for (const std::string name : {"transformer", "text_encoder", "vae"}) {
      std::vector<std::string> problems;
      const PipelineConfig config = applied("components: {" + name + ": {offload: " + text + "}}", problems);
      EXPECT_EQ(problems, std::vector<std::string>{}) << text;
      EXPECT_EQ(config.components.at(name).offload, offload) << text;
      EXPECT_EQ(config.components.at(name == "vae" ? "transformer" : "vae").offload, Offload{});
    }
  }
}

TEST(PipelineConfig, ReportsAllProblemsTogether) {
  std::vector<std::string> problems;
  applied("steps: 0\nsolver: x\nparallel: {tp: 0, q: 1}\nfoo: 1\n", problems);
  EXPECT_EQ(problems.size(), 5U);
}

TEST(PipelineConfig, NamesItsWords) {
  EXPECT_EQ(name(Dtype::float32), "float32");
  EXPECT_EQ(name(Dtype::bfloat16), "bfloat16");
  EXPECT_EQ(name(Solver::unipc), "unipc");
  EXPECT_EQ(name(Solver::euler), "euler");
  EXPECT_EQ(name(OffloadType::none), "none");
  EXPECT_EQ(name(OffloadType::stages), "stages");
}

}  // namespace
}  // namespace ditmill::configs

#include "jobs/plan/manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/list_text.h"
#include "configs/preset.h"
#include "jobs/plan/manifest/frozen.h"
#include "tests/jobs/plan/manifest/varied_fields.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// As Wan's, but the tests of this room need no model.
std::vector<Problem> multiples_of_16(const configs::Request& request) {
  std::vector<Problem> problems;
  for (const auto& [name, value] : {std::pair{"width", request.width}, {"height", request.height}}) {
    if (value % 16 != 0) {
      problems.push_back({.message = std::string{name} + " does not fit",
                          .expected = "a multiple of 16",
                          .got = std::to_string(value),
                          .field = name});
    }
  }
  return problems;
}

class ManifestTest : public testing::Test {
 protected:
  ManifestSource source(const std::string& text, std::vector<std::string> sets = {}) const {
    return {
        .text = text, .file = "m.yaml", .directory = folder_.path(), .sets = std::move(sets), .run_dir = {}};
  }
  Manifest decode(const ManifestSource& from, const FactsOf& facts_of = {}) {
    problems_.clear();
    return decode_manifest(from, facts_of, multiples_of_16, problems_);
  }
  Manifest decode(const std::string& text, std::vector<std::string> sets = {}) {
    return decode(source(text, std::move(sets)));
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems_) {
      std::string message = describe(problem);
      for (std::size_t at = 0; (at = message.find(folder_.path(), at)) != std::string::npos;) {
        message.replace(at, folder_.path().size(), "DIR");
      }
      texts.push_back(std::move(message));
    }
    return texts;
  }

  tests::TempFolder folder_;
  std::vector<Problem> problems_;
};

constexpr const char* small =
    "schema: 1\n"
    "name: cats\n"
    "model: {noop: 0}\n"
    "requests: {items: [{prompt: a cat}]}\n"
    "output: {path: runs/cats}\n";

TEST_F(ManifestTest, ReadsWhatContractsShow) {
  folder_.write("prompts.jsonl",
                "{\"id\": \"tabby\", \"prompt\": \"a tabby cat\", \"seed\": 7, \"author\": \"x\"}\n"
                "{\"prompt\": \"a dog\"}\n");
  const Manifest manifest = decode(R"(schema: 1
name: cats
model:
  path: models/Wan2.1-T2V-1.3B
  catalog: my-models.yaml
  digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  variants: {dit: wan2.2-t2v-a14b-high}
  distilled: false
pipeline:
  preset: wan2.1-t2v-1.3b
  solver: euler
  steps: 8
  guidance_scale: 4
  flow_shift: 3.0
  dtype: float32
  parallel: {dp: auto, cfg: 1, ring: 1, ulysses: 1, pp: 1, tp: 1, fsdp: false}
  components:
    dit: {dtype: bfloat16, attention: sdpa, offload: none, lora: []}
    vae: {}
    text_encoder: {window: 32}
  loading: {strategy: auto}
requests:
  defaults: {negative_prompt: "blurry", seed: 42, samples: 1, width: 96, height: 64, frames: 5, fps: 8}
  file: prompts.jsonl
output: {path: runs/cats, frames: true, video: none, latents: true, compression: gzip-9, items_per_part: 3}
slurm: {nodes: 2, time: "01:00:00", modules: [a, b]}
)");
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(manifest.name, "cats");
  EXPECT_EQ(manifest.model.path, folder_ / "models/Wan2.1-T2V-1.3B");
  EXPECT_EQ(manifest.model.catalog, folder_ / "my-models.yaml");
  EXPECT_EQ(manifest.pipeline.solver, configs::Solver::euler);
  EXPECT_EQ(manifest.pipeline.steps, 8);
  EXPECT_EQ(manifest.pipeline.text_window, 32);
  EXPECT_EQ(manifest.output.path, folder_ / "runs/cats");
  EXPECT_TRUE(manifest.output.latents);
  EXPECT_EQ(manifest.output.gzip, 9);
  EXPECT_EQ(manifest.output.items_per_part, 3);
  ASSERT_EQ(manifest.items.size(), 2u);
  EXPECT_EQ(manifest.items[0].request, (configs::Request{.id = "tabby",
                                                         .prompt = "a tabby cat",
                                                         .negative_prompt = "blurry",
                                                         .seed = 7,
                                                         .width = 96,
                                                         .height = 64,
                                                         .frames = 5,
                                                         .fps = 8}));
  EXPECT_EQ(manifest.items[0].metadata, R"({"author":"x"})");
  EXPECT_EQ(manifest.items[1].request.id, "000001");
}

TEST_F(ManifestTest, TakesDefaultsFromThePresetThatTheModelSuggests) {
  int calls = 0;
  const FactsOf suggest = [&calls](const configs::ModelDefinition&) {
    ++calls;
    return ModelFacts{.preset = "wan2.1-t2v-14b"};
  };
  Manifest manifest = decode(source(small), suggest);
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(manifest.pipeline.preset, "wan2.1-t2v-14b");
  EXPECT_EQ(manifest.pipeline.flow_shift, 5.0);
  EXPECT_EQ(manifest.items.at(0).request.width, 1280);

  manifest = decode(source(small, {"pipeline.preset=wan2.1-t2v-1.3b"}), suggest);
  EXPECT_EQ(manifest.pipeline.preset, "wan2.1-t2v-1.3b");
  EXPECT_EQ(manifest.items.at(0).request.width, 832);
  EXPECT_EQ(calls, 2);
}

TEST_F(ManifestTest, TakesFromAPresetWhatItSaysOfComponentsThatTheModelHas) {
  for (const bool seeing : {true, false}) {
    const FactsOf facts = [&](const configs::ModelDefinition&) {
      return seeing ? ModelFacts{.components = {"transformer", "text_encoder", "image_encoder", "vae"}}
                    : ModelFacts{};
    };
    const Manifest manifest = decode(source(small, {"pipeline.preset=wan2.1-i2v-14b-480p"}), facts);
    EXPECT_THAT(messages(), IsEmpty());
    const auto found = manifest.pipeline.components.find("image_encoder");
    ASSERT_EQ(found != manifest.pipeline.components.end(), seeing);
    if (seeing) {
      EXPECT_EQ(found->second.dtype, configs::Dtype::float32);
    }
  }
}

TEST_F(ManifestTest, ReadsItemsOfItsOwn) {
  const Manifest manifest = decode(source(R"(schema: 1
name: cats
model: {noop: 0.5}
requests:
  defaults: {negative_prompt: blurry}
  items:
    - {id: tabby, prompt: "a \"tabby\" cat", seed: 7}
    - prompt: >-
        a dog
        in the rain
      negative_prompt: ""
output: {path: /abs/run}
)"));
  EXPECT_THAT(messages(), IsEmpty());
  ASSERT_EQ(manifest.items.size(), 2u);
  EXPECT_EQ(manifest.items[0].request.prompt, "a \"tabby\" cat");
  EXPECT_EQ(manifest.items[0].request.negative_prompt, "blurry");
  EXPECT_EQ(manifest.items[0].line, 7);
  EXPECT_EQ(manifest.items[0].column, 7);
  EXPECT_EQ(manifest.items[1].request.prompt, "a dog in the rain");
  EXPECT_EQ(manifest.items[1].request.negative_prompt, "");
  EXPECT_EQ(manifest.items[1].request.id, "000001");
  EXPECT_EQ(manifest.output.path, "/abs/run");
}

TEST_F(ManifestTest, ReadsAndFreezesEveryFormOfVideo) {
  const struct {
    std::string set;
    std::optional<results::VideoConfig> video;
  } cases[] = {
      {"output.video=none", std::nullopt},
      {"output.video=h264", results::VideoConfig{}},
      {"output.video={}", results::VideoConfig{}},
      {"output.video={codec: h264, crf: 0}", results::VideoConfig{.crf = 0}},
      {"output.video={crf: 51, pix_fmt: yuv444p}",
       results::VideoConfig{.crf = 51, .pix_fmt = results::PixelFormat::yuv444p}},
      {"output.video={pix_fmt: yuv422p}", results::VideoConfig{.pix_fmt = results::PixelFormat::yuv422p}},
  };
  for (const auto& [set, video] : cases) {
    const ManifestSource from = source(small, {set});
    const Manifest manifest = decode(from);
    EXPECT_EQ(manifest.output.video, video) << set;
    EXPECT_THAT(messages(), IsEmpty()) << set;
    EXPECT_EQ(decode(source(frozen_manifest(manifest, from.directory))).output.video, video) << set;
  }
  EXPECT_EQ(decode(source(small)).output.video, std::nullopt);
  decode(source(small, {"output.video=h264", "output.frames=false"}));
  EXPECT_THAT(messages(), IsEmpty()) << "a video alone is something kept";
}

TEST_F(ManifestTest, RefusesSizesThatAVideoCannotHave) {
  const auto problems_of = [this](const std::string& defaults, const std::string& video) {
    problems_.clear();
    decode_manifest(
        source("schema: 1\nname: cats\nmodel: {noop: 0}\nrequests:\n  defaults: {" + defaults +
               "}\n  items: [{prompt: a cat}]\noutput: {path: r, video: {pix_fmt: " + video + "}}\n"),
        {}, {}, problems_);
    return messages();
  };
  const std::string remedy =
      " (expected an even number, or output.video: {codec: h264, pix_fmt: yuv444p}, got ";
  EXPECT_THAT(problems_of("width: 63, height: 33", "yuv420p"),
              ElementsAre("m.yaml:5:21: width must be even for a video of yuv420p" + remedy + "63)",
                          "m.yaml:5:33: height must be even for a video of yuv420p" + remedy + "33)"));
  EXPECT_THAT(problems_of("width: 63, height: 33", "yuv422p"),
              ElementsAre("m.yaml:5:21: width must be even for a video of yuv422p" + remedy + "63)"));
  EXPECT_THAT(problems_of("width: 63, height: 33", "yuv444p"), IsEmpty());
  EXPECT_THAT(problems_of("width: 64, fps: 0.0001", "yuv420p"),
              ElementsAre(testing::StartsWith("m.yaml:5:30: fps is out of range for a video")));
}

TEST_F(ManifestTest, RunDirOfTheCommandLineWins) {
  ManifestSource from = source(small);
  from.run_dir = "/elsewhere";
  EXPECT_EQ(decode(from).output.path, "/elsewhere");
  from.text = "schema: 1\nname: cats\nmodel: {noop: 0}\nrequests: {items: [{prompt: a cat}]}\n";
  EXPECT_EQ(decode(from).output.path, "/elsewhere");
  EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ManifestTest, FreezesToTheSameJob) {
  folder_.write("list.txt", "a\nb\n");
  const ManifestSource from = source(
      "# a comment\n"
      "schema: 1\n"
      "name: cats\n"
      "model: {noop: 0}\n"
      "pipeline:\n"
      "  steps: 9\n"
      "  loading: {}\n"
      "requests:\n"
      "  defaults: {negative_prompt: \"true\", seed: 0x}\n"
      "  file: list.txt\n"
      "output: {path: runs/cats}\n"
      "slurm: {modules: [a, \"b: ~\"], prologue: \"a: b # c\\n\\x1b\\u2028 \xe7\x8c\xab\"}\n",
      {"requests.defaults.seed=5", "output.compression=gzip", "requests.file=./sub/../list.txt"});
  const Manifest manifest = decode(from);
  EXPECT_THAT(messages(), IsEmpty());
  const std::string frozen = frozen_manifest(manifest, from.directory);

  ManifestSource again{
      .text = frozen, .file = "frozen.yaml", .directory = "/nowhere", .sets = {}, .run_dir = {}};
  const Manifest thawed = decode(again);
  EXPECT_THAT(messages(), IsEmpty()) << frozen;
  EXPECT_EQ(thawed.pipeline.steps, 9);
  EXPECT_EQ(thawed.output.path, folder_ / "runs/cats");
  EXPECT_EQ(thawed.output.gzip, 4);
  ASSERT_EQ(thawed.items.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(thawed.items[i].request, manifest.items[i].request);
  EXPECT_EQ(thawed.items[0].request.seed, 5);
  EXPECT_EQ(thawed.items[0].request.negative_prompt, "true");
  EXPECT_EQ(frozen_manifest(thawed, again.directory), frozen);
  EXPECT_THAT(frozen, HasSubstr("file: \"" + (folder_ / "list.txt") + "\""));
  EXPECT_THAT(frozen, HasSubstr("\"a: b # c\\x0a\\x1b\\u2028 \xe7\x8c\xab\""));
}

TEST_F(ManifestTest, FreezesWithItsShard) {
  folder_.write("list.txt", "a\nb\nc\n");
  const ManifestSource from = source(
      "schema: 1\nname: cats\nmodel: {noop: 0}\nrequests: {file: list.txt}\noutput: {path: runs/cats}\n",
      {"requests.shard=\"1/2\""});
  const Manifest manifest = decode(from);
  EXPECT_THAT(messages(), IsEmpty());
  ASSERT_EQ(manifest.items.size(), 1u);
  EXPECT_EQ(manifest.items[0].request.id, "000001");
  EXPECT_EQ(manifest.shard, (requests::Shard{1, 2}));
  const Manifest thawed = decode(frozen_manifest(manifest, from.directory));
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(thawed.items[0].request, manifest.items[0].request);
  EXPECT_EQ(thawed.shard, manifest.shard);
}

TEST_F(ManifestTest, ChangesAreNamedByTheirPath) {
  EXPECT_THAT(manifest_changes("name: a\noutput: {compression: none}\nrequests: {items: [{prompt: a}]}\n",
                               "name: b\noutput: {items_per_part: 3}\nrequests: {items: [{prompt: b}]}\n"),
              ElementsAre("name: a, now b", "output.compression: none, now unset",
                          "output.items_per_part: unset, now 3"));
  EXPECT_THAT(manifest_changes(small, small), IsEmpty());
}

TEST_F(ManifestTest, IsReadAsAFile) {
  const std::string path = folder_.write("m.yaml", small);
  const ManifestSource read = read_manifest(path);
  EXPECT_EQ(read.text, small);
  EXPECT_EQ(read.file, path);
  EXPECT_EQ(read.directory, folder_.path());
  try {
    read_manifest(folder_ / "none.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::not_found);
    EXPECT_THAT(error.what(), HasSubstr(folder_ / "none.yaml"));
  }
  EXPECT_THROW(read_manifest(folder_.path()), Error);
}

TEST_F(ManifestTest, ModelIsDecodedAloneWhateverTheRestSays) {
  const std::string text = "model: {components: {vae: {path: vae.pth, prefix: a.}, dit: d}}\nrequests: [1]\n";
  const configs::ModelDefinition model =
      decode_model(source(text, {"model.components.text_encoder=/t.safetensors"}));
  EXPECT_EQ(model.components.at("vae").path, folder_ / "vae.pth");
  EXPECT_EQ(model.components.at("vae").prefix, "a.");
  EXPECT_EQ(model.components.at("transformer").path, folder_ / "d");
  EXPECT_EQ(model.components.at("text_encoder").path, "/t.safetensors");
  try {
    decode_model(source("model: {path: a, noop: 1, digest: x}\n"));
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 2U);
    EXPECT_THAT(error.what(), HasSubstr("m.yaml:1:18"));
  }
}

TEST_F(ManifestTest, ModelErrorsAreProblemsAtTheModelsPath) {
  const std::string text =
      "schema: 2\nname: cats\nmodel:\n  path: nowhere\nrequests: {items: [{prompt: a cat}]}\noutput: {path: "
      "r}\n";
  decode(source(text), [](const configs::ModelDefinition& model) -> ModelFacts {
    throw Error{
        Category::not_found, "open the model folder", Where{.file = model.path}, {}, Got{"no such folder"}};
  });
  EXPECT_THAT(messages(), ElementsAre("m.yaml:1:9: this version cannot read schema 2 (expected 1)",
                                      "m.yaml:4:9: DIR/nowhere: open the model folder (got no such folder)"));
}

TEST_F(ManifestTest, EnvironmentErrorsAreThrownUnlessTheManifestIsWrong) {
  const FactsOf broken = [](const configs::ModelDefinition&) -> ModelFacts {
    throw Error{Category::io, "read a header", Where{.file = "x"}, {}, Got{"Input/output error"}};
  };
  EXPECT_THROW(decode(source(small), broken), Error);
  EXPECT_THAT(messages(), IsEmpty());
  decode(source(small, {"schema=2"}), broken);
  EXPECT_THAT(messages(), ElementsAre("--set schema: this version cannot read schema 2 (expected 1)",
                                      "x: read a header (got Input/output error)"));
}

TEST_F(ManifestTest, ModelIsLeftAloneWhileItsSectionIsWrong) {
  int calls = 0;
  decode(source(small, {"model.noop=x"}), [&calls](const configs::ModelDefinition&) {
    ++calls;
    return ModelFacts{};
  });
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(problems_.size(), 1u);
}

TEST_F(ManifestTest, SizesAreRefusedWhereTheyAreWritten) {
  folder_.write("list.jsonl",
                "{\"prompt\": \"a\"}\n"
                "{\"prompt\": \"b\", \"width\": 33}\n"
                "{\"prompt\": \"c\", \"frames\": 9}\n"
                "{\"prompt\": \"d\", \"height\": 34}\n"
                "{\"prompt\": \"e\", \"height\": 34}\n");
  decode(
      "schema: 1\nname: cats\nmodel: {noop: 0}\nrequests:\n  defaults: {width: 31}\n  file: list.jsonl\n"
      "output: {path: r}\n");
  EXPECT_THAT(messages(),
              ElementsAre("m.yaml:5:21: width does not fit (expected a multiple of 16, got 31)",
                          "DIR/list.jsonl:2:26: width does not fit (expected a multiple of 16, got 33)",
                          "DIR/list.jsonl:4:27: height does not fit (expected a multiple of 16, got 34)"));
  decode(small, {"requests.defaults.width=31"});
  EXPECT_THAT(messages(),
              ElementsAre("--set requests.defaults.width: width does not fit (expected a multiple of "
                          "16, got 31)"));
  decode(
      "schema: 1\nname: cats\nmodel: {noop: 0}\nrequests:\n  items:\n    - {prompt: a, height: 7}\n"
      "output: {path: r}\n");
  EXPECT_THAT(messages(), ElementsAre("m.yaml:6:27: height does not fit (expected a multiple of 16, got 7)"));
}

std::string known_presets() {
  std::string names;
  for (const std::string& name : configs::preset_names()) extend_list(names, name);
  return names;
}

struct Bad {
  const char* name;
  std::string replace;  ///< in the base manifest
  std::string by;
  std::vector<std::string> messages;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name.
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

constexpr const char* base =
    "schema: 1\n"              // 1
    "name: cats\n"             // 2
    "model:\n"                 // 3
    "  noop: 0\n"              // 4
    "pipeline:\n"              // 5
    "  steps: 8\n"             // 6
    "requests:\n"              // 7
    "  defaults: {seed: 1}\n"  // 8
    "  file: list.txt\n"       // 9
    "output:\n"                // 10
    "  path: runs/cats\n"      // 11
    "slurm: {nodes: 1}\n";     // 12

class BadManifest : public ManifestTest, public testing::WithParamInterface<Bad> {};

TEST_P(BadManifest, IsRefusedAtItsPlace) {
  folder_.write("list.txt", "a cat\n");
  folder_.write("empty.txt", "\n\r\n  \n");
  folder_.write("bad.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"sed\": 2}\n");
  std::string text = base;
  const std::size_t at = text.find(GetParam().replace);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().replace.size(), GetParam().by);
  decode(text);
  EXPECT_EQ(messages(), GetParam().messages);
}

constexpr const char* id_form =
    "1 to 128 letters, digits, '.', '_', '~' or '-', the first a letter or a digit";

INSTANTIATE_TEST_SUITE_P(
    Top, BadManifest,
    testing::Values(
        Bad{"no_schema", "schema: 1\n", "", {"m.yaml:1:1: schema is missing (expected 1)"}},
        Bad{"schema_2",
            "schema: 1",
            "schema: 2",
            {"m.yaml:1:9: this version cannot read schema 2 (expected 1)"}},
        Bad{"schema_text",
            "schema: 1",
            "schema: one",
            {"m.yaml:1:9: schema has the wrong type (expected a whole number from 0 to 1000000, got one)"}},
        Bad{"no_name",
            "name: cats\n",
            "",
            {std::string("m.yaml:1:1: name is missing (expected ") + id_form + ")"}},
        Bad{"bad_name",
            "name: cats",
            "name: my cats",
            {std::string("m.yaml:2:7: name is not valid (expected ") + id_form + ", got my cats)"}},
        Bad{"unknown_section",
            "output:",
            "outptu:",
            {"m.yaml:1:1: output.path is missing (expected a folder, or --run-dir DIR)",
             "m.yaml:10:1: unknown key outptu; did you mean output?"}},
        Bad{"section_is_a_list",
            "  steps: 8\n",
            "  - 8\n",
            {"m.yaml:6:3: pipeline has the wrong type (expected a mapping, got a list)"}},
        Bad{"syntax",
            "  steps: 8\n",
            "  steps: [8\n",
            {"m.yaml:7:9: not YAML: end of sequence flow not found"}},
        Bad{"twice",
            "name: cats\n",
            "name: cats\nname: dogs\n",
            {"m.yaml:3:1: the key name appears twice in one mapping"}},
        Bad{"anchor",
            "name: cats",
            "name: &n cats",
            {"m.yaml:2:7: anchors are not supported: &n (expected the value written out; or a text that "
             "begins with & put into quotes: name: \"&n cats\")"}},
        Bad{"empty",
            base,
            "",
            {"m.yaml: schema is missing (expected 1)",
             std::string("m.yaml: name is missing (expected ") + id_form + ")",
             std::string{"m.yaml: model.path is missing (expected a model folder, or noop: SECONDS for "} +
                 "a rehearsal)",
             "m.yaml: output.path is missing (expected a folder, or --run-dir DIR)",
             "m.yaml: requests.file is missing (expected file: a prompt list, or items: [...])"}},
        Bad{"slurm_key",
            "slurm: {nodes: 1}",
            "slurm: {node: 1}",
            {"m.yaml:12:9: unknown key slurm.node; did you mean nodes?"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Layers, BadManifest,
    testing::Values(
        Bad{"no_model",
            "model:\n  noop: 0\n",
            "",
            {"m.yaml:1:1: model.path is missing (expected a model folder, or noop: SECONDS for a "
             "rehearsal)"}},
        Bad{"path_and_noop",
            "  noop: 0\n",
            "  noop: 0\n  path: x\n",
            {"m.yaml:4:3: model.path and model.noop exclude each other (expected one of them)"}},
        Bad{"unknown_preset",
            "  steps: 8\n",
            "  preset: wan2.1-t2v-1.3B\n",
            {"m.yaml:6:11: unknown preset wan2.1-t2v-1.3B (expected " + known_presets() +
             "); did you mean wan2.1-t2v-1.3b?"}},
        Bad{"step",
            "  steps: 8\n",
            "  step: 8\n",
            {"m.yaml:6:3: unknown key pipeline.step; did you mean steps?"}},
        Bad{"steps_text",
            "  steps: 8\n",
            "  steps: '8'\n",
            {"m.yaml:6:10: pipeline.steps has the wrong type (expected a whole number from 1 to 1000, got "
             "\"8\", "
             "which is text because it is quoted)"}},
        Bad{"solver",
            "  steps: 8\n",
            "  solver: unipcc\n",
            {"m.yaml:6:11: pipeline.solver has an unknown value (expected unipc, euler, wan-unipc, wan-euler "
             "or "
             "wan-dpm++, got unipcc); did you mean unipc?"}},
        Bad{"default_seed",
            "{seed: 1}",
            "{seed: -1}",
            {"m.yaml:8:20: requests.defaults.seed is out of range (expected a whole number from 0 to "
             "9223372036854775807, or \"auto\", which makes one of the job's name and the item's id, got "
             "-1)"}},
        Bad{"default_samples",
            "{seed: 1}",
            "{samples: 0}",
            {"m.yaml:8:23: requests.defaults.samples is out of range (expected a whole number from 1 to "
             "1000000, "
             "got 0)"}},
        Bad{"default_resolution",
            "{seed: 1}",
            "{aspect_ratio: '1:1'}",
            {"m.yaml:8:14: requests.defaults.aspect_ratio without a resolution (expected resolution: 480p, "
             "720p, "
             "1080p, 2k, 4k beside it)"}},
        Bad{"default_key",
            "{seed: 1}",
            "{sead: 1}",
            {"m.yaml:8:14: unknown key requests.defaults.sead; did you mean seed?"}},
        Bad{"everything_at_once",
            "  steps: 8\nrequests:\n  defaults: {seed: 1}\n  file: list.txt\n",
            "  steps: 0\n  tep: 1\nrequests:\n  defaults: {seed: Auto}\n  file: bad.jsonl\n",
            {"m.yaml:6:10: pipeline.steps is out of range (expected a whole number from 1 to 1000, got 0)",
             "m.yaml:7:3: unknown key pipeline.tep; did you mean steps?",
             "m.yaml:9:20: requests.defaults.seed has the wrong type (expected a whole number from 0 to "
             "9223372036854775807, or \"auto\", which makes one of the job's name and the item's id, got "
             "Auto)",
             "DIR/bad.jsonl:2:17: unknown field sed (expected a known field, or metadata under a name that "
             "is not so "
             "near to one); did you mean seed?"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Requests, BadManifest,
    testing::Values(
        Bad{"no_file",
            "  file: list.txt\n",
            "",
            {"m.yaml:8:3: requests.file is missing (expected file: a prompt list, or items: [...])"}},
        Bad{"file_and_items",
            "  file: list.txt\n",
            "  file: list.txt\n  items: [{prompt: a}]\n",
            {"m.yaml:10:3: requests.file and requests.items exclude each other (expected one of them)"}},
        Bad{"file_not_found",
            "list.txt",
            "lost.txt",
            {"m.yaml:9:9: requests.file cannot be read: DIR/lost.txt (got No such file or directory)"}},
        Bad{"file_has_no_prompt",
            "list.txt",
            "empty.txt",
            {"m.yaml:9:9: requests.file holds no prompt: DIR/empty.txt (expected a prompt a line)"}},
        Bad{"json",
            "list.txt",
            "list.json",
            {"m.yaml:9:9: requests.file has an unknown ending (expected a .jsonl, with a JSON object such as "
             "{\"prompt\": \"a cat\"} a line, got .json)"}},
        Bad{"no_ending",
            "list.txt",
            "list",
            {"m.yaml:9:9: requests.file has an unknown ending (expected .txt, .jsonl or .csv, got none)"}},
        Bad{"file_is_a_list",
            "list.txt",
            "[a, b]",
            {"m.yaml:9:9: requests.file has the wrong type (expected text, got a list)"}},
        Bad{"matrix",
            "  file: list.txt\n",
            "  file: list.txt\n  matrix: {prompt: [a, b]}\n",
            {"m.yaml:10:12: requests.matrix.prompt cannot vary (expected " + varied_fields() + ")"}},
        Bad{"misspelt",
            "  file: list.txt\n",
            "  flie: list.txt\n",
            {"m.yaml:8:3: requests.file is missing (expected file: a prompt list, or items: [...])",
             "m.yaml:9:3: unknown key requests.flie; did you mean file?"}},
        Bad{"no_items",
            "  file: list.txt\n",
            "  items: []\n",
            {"m.yaml:9:10: requests.items is empty (expected an item or more)"}},
        Bad{"items_are_texts",
            "  file: list.txt\n",
            "  items: [a cat]\n",
            {"m.yaml:9:11: requests.items.0 is a text (expected an item: {prompt: \"a cat\"})"}},
        Bad{"item_without_prompt",
            "  file: list.txt\n",
            "  items:\n    - {prompt: a}\n    - {id: b}\n",
            {"m.yaml:11:7: requests.items.1.prompt is missing (expected text)"}},
        Bad{"item_key",
            "  file: list.txt\n",
            "  items:\n    - {prompt: a, author: b}\n",
            {"m.yaml:10:19: unknown key requests.items.0.author"}},
        Bad{"item_ids",
            "  file: list.txt\n",
            "  items:\n    - {prompt: a, id: x}\n    - {id: x, prompt: b}\n",
            {"m.yaml:11:12: the id x is already that of line 10 (expected an id of its own)"}},
        Bad{"item_takes_generated_id",
            "  file: list.txt\n",
            "  items:\n    - {prompt: a, id: \"000001\"}\n    - prompt: b\n",
            {"m.yaml:11:7: the id 000001 is already that of line 10 (expected an id of its own)"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Output, BadManifest,
    testing::Values(
        Bad{"no_path",
            "  path: runs/cats\n",
            "  frames: true\n",
            {"m.yaml:11:3: output.path is missing (expected a folder, or --run-dir DIR)"}},
        Bad{"empty_path", "runs/cats", "''", {"m.yaml:11:9: output.path is empty (expected a folder)"}},
        Bad{"nothing_kept",
            "  path: runs/cats\n",
            "  path: r\n  frames: false\n",
            {"m.yaml:12:11: output keeps nothing (expected frames or latents: true, or video: "
             "h264)"}},
        Bad{"video_of_an_unknown_codec",
            "  path: runs/cats\n",
            "  path: r\n  video: h265\n",
            {"m.yaml:12:10: output.video has an unknown value (expected none, h264 or {codec: h264, crf: "
             "18, pix_fmt: yuv420p}, got h265); did you mean h264?"}},
        Bad{"video_that_is_a_boolean",
            "  path: runs/cats\n",
            "  path: r\n  frames: false\n  video: true\n",
            {"m.yaml:13:10: output.video has an unknown value (expected none, h264 or {codec: h264, crf: "
             "18, pix_fmt: yuv420p}, got true)"}},
        Bad{"video_settings",
            "  path: runs/cats\n",
            "  path: r\n  video: {codec: h246, crf: 52, pix_fmt: yuv44p, cfr: 1}\n",
            {"m.yaml:12:18: output.video.codec has an unknown value (expected h264, got h246); did you mean "
             "h264?",
             "m.yaml:12:29: output.video.crf is out of range (expected a whole number from 0 to 51, got 52)",
             "m.yaml:12:42: output.video.pix_fmt has an unknown value (expected yuv420p, yuv422p or yuv444p, "
             "got yuv44p); did you mean yuv444p?",
             "m.yaml:12:50: unknown key output.video.cfr; did you mean crf?"}},
        Bad{"video_crf_that_is_negative",
            "  path: runs/cats\n",
            "  path: r\n  video: {crf: -1}\n",
            {"m.yaml:12:16: output.video.crf is out of range (expected a whole number from 0 to 51, got "
             "-1)"}},
        Bad{"gzip_0",
            "  path: runs/cats\n",
            "  path: r\n  compression: gzip-0\n",
            {"m.yaml:12:16: output.compression has an unknown value (expected none, gzip or gzip-1 to "
             "gzip-9, got "
             "gzip-0); did you mean gzip?"}},
        Bad{"gzip_10",
            "  path: runs/cats\n",
            "  path: r\n  compression: gzip-10\n",
            {"m.yaml:12:16: output.compression has an unknown value (expected none, gzip or gzip-1 to "
             "gzip-9, got "
             "gzip-10)"}},
        Bad{"zstd",
            "  path: runs/cats\n",
            "  path: r\n  compression: zstd\n",
            {"m.yaml:12:16: output.compression has an unknown value (expected none, gzip or gzip-1 to "
             "gzip-9, got "
             "zstd)"}},
        Bad{"items_per_part",
            "  path: runs/cats\n",
            "  path: r\n  items_per_part: 0\n",
            {"m.yaml:12:19: output.items_per_part is out of range (expected a whole number from 1 to "
             "1000000, got "
             "0)"}},
        Bad{"frames_word",
            "  path: runs/cats\n",
            "  path: r\n  frames: yes\n",
            {"m.yaml:12:11: output.frames has the wrong type (expected true or false, got yes)"}},
        Bad{"unknown",
            "  path: runs/cats\n",
            "  path: r\n  latent: true\n",
            {"m.yaml:12:3: unknown key output.latent; did you mean latents?"}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ditmill::jobs::plan

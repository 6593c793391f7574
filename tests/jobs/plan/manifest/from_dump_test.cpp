#include "jobs/plan/manifest/from_dump.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "configs/dump.h"
#include "configs/preset.h"
#include "jobs/plan/manifest/frozen.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/frozen/frozen_files.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A job's layers, drawn anew for every seed.
struct Job {
  configs::ModelDefinition model;
  configs::PipelineConfig pipeline;
  results::OutputConfig output;
  std::vector<requests::Item> items;
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  Job job() {
    Job job{.model = model(), .pipeline = pipeline(), .output = output(), .items = {}};
    const int items = whole(1, 5);
    for (int i = 0; i < items; ++i) job.items.push_back(item(i));
    return job;
  }

 private:
  int whole(int least, int most) { return std::uniform_int_distribution{least, most}(random_); }
  bool coin() { return whole(0, 1) == 1; }
  double real(double least, double most) { return std::uniform_real_distribution{least, most}(random_); }
  std::string hex(int digits) {
    std::string text;
    for (int i = 0; i < digits; ++i) text += "0123456789abcdef"[whole(0, 15)];
    return text;
  }
  std::string text() {
    static const std::vector<std::string> pieces{
        "cat",  "\"", "\\",   ": ", "#", "\xf0\x9f\x98\x80", "\n",
        "null", "\t", "\x01", "{}", "'", "\xe2\x80\xa8",     "worst quality"};
    std::string text = "a";
    const int count = whole(0, 6);
    for (int i = 0; i < count; ++i)
      text += pieces[static_cast<std::size_t>(whole(0, static_cast<int>(pieces.size()) - 1))];
    return text;
  }

  configs::ModelDefinition model() {
    configs::ModelDefinition model;
    model.distilled = coin();
    if (coin()) {
      model.noop_seconds = coin() ? 0.0 : real(0, 2);
      return model;
    }
    model.path = "/models/a b: #" + hex(4);
    if (coin()) model.catalog = "/catalogs/" + hex(4) + ".yaml";
    model.digest = "sha256:" + hex(64);
    if (coin()) model.variants["transformer"] = "wan2.2-t2v-a14b-high";
    return model;
  }

  configs::PipelineConfig pipeline() {
    configs::PipelineConfig pipeline;
    if (coin()) pipeline = configs::preset_named("wan2.1-t2v-14b").pipeline;
    pipeline.solver = coin() ? configs::Solver::euler : configs::Solver::unipc;
    pipeline.steps = whole(1, 1000);
    pipeline.guidance_scale = coin() ? real(0, 100) : whole(0, 100);
    pipeline.flow_shift = real(1e-9, 100);
    pipeline.dtype = dtype();
    if (coin()) pipeline.parallel.dp = whole(1, 65536);
    pipeline.parallel.ulysses = whole(2, 8);
    pipeline.parallel.tp = whole(1, 8);
    pipeline.parallel.fsdp = coin();
    pipeline.parallel.reshard_after_forward = !pipeline.parallel.fsdp || coin();
    for (auto& [name, component] : pipeline.components) component.dtype = dtype();
    pipeline.text_window = whole(1, 4096);
    return pipeline;
  }
  configs::Dtype dtype() { return coin() ? configs::Dtype::float32 : configs::Dtype::bfloat16; }

  results::OutputConfig output() {
    results::OutputConfig output;
    output.path = "/runs/first";
    output.frames = coin();
    output.latents = true;
    output.gzip = whole(0, 9);
    if (coin())
      output.video = results::VideoConfig{.crf = whole(0, 51), .pix_fmt = results::PixelFormat::yuv444p};
    if (coin()) output.items_per_part = whole(1, 1000);
    return output;
  }

  requests::Item item(int number) {
    return {.request = {.id = "item-" + std::to_string(number),
                        .prompt = text(),
                        .negative_prompt = coin() ? "" : text(),
                        .seed = std::uniform_int_distribution<std::int64_t>{0}(random_),
                        .width = 16 * whole(1, 100),
                        .height = 16 * whole(1, 100),
                        .frames = whole(1, 100),
                        .fps = coin() ? 16 : real(0.5, 60)},
            .metadata = coin() ? "{}" : R"({"n":123456789012345678901234567890,"s":"x"})",
            .key = hex(64)};
  }

  std::mt19937_64 random_;
};

requests::ItemList packed(const std::vector<requests::Item>& items) {
  requests::ItemList list;
  for (const requests::Item& item : items) list.add(item);
  return list;
}

class FromDumpTest : public testing::Test {
 protected:
  /// Writes a run's dump as the engine does, and its items beside it.
  std::string write(const Job& job) {
    const results::RunDirectory run{folder_.path()};
    results::durable::publish(run::write_requests_beside(run, packed(job.items)), run.requests());
    dump_ = configs::dump_config("noop", "cpu", configs::dump_layer1(job.model, {}),
                                 configs::dump_layer2(job.pipeline));
    dump_["name"] = "cats";
    dump_["threads"] = 3;
    dump_["output"] = dump_output(job.output);
    dump_["layer3_requests"] = run::dump_requests(run.requests(), job.items.size());
    return folder_.write("config.json", dump_.dump(2));
  }

  Manifest decode(const ManifestSource& source) { return decode_manifest(source, {}, {}, problems_); }

  /// The job that a dump makes in another run directory, and its source.
  std::pair<Manifest, ManifestSource> repeat(const std::string& path, std::vector<std::string> sets = {}) {
    problems_.clear();
    const DumpedJob dumped = read_dump(path, std::move(sets), problems_);
    if (!problems_.empty()) return {};
    ManifestSource source = dumped.source;
    source.run_dir = again_.path();
    Manifest manifest = decode(source);
    settle_dump(dumped, manifest);
    threads_ = dumped.threads;
    return {std::move(manifest), std::move(source)};
  }

  std::vector<std::string> messages(const std::string& path, std::vector<std::string> sets = {}) {
    try {
      repeat(path, std::move(sets));
    } catch (const Error& error) {
      return {error.what()};
    }
    std::vector<std::string> texts;
    for (const Problem& problem : problems_) texts.push_back(describe(problem));
    return texts;
  }

  static void expect_equal(const Manifest& manifest, const Job& job) {
    EXPECT_EQ(configs::dump_layer1(manifest.model, {}), configs::dump_layer1(job.model, {}));
    EXPECT_EQ(configs::dump_layer2(manifest.pipeline), configs::dump_layer2(job.pipeline));
    ASSERT_EQ(manifest.items.size(), job.items.size());
    for (std::size_t i = 0; i < job.items.size(); ++i) {
      EXPECT_EQ(manifest.items[i].request, job.items[i].request);
      EXPECT_EQ(manifest.items[i].metadata, job.items[i].metadata);
    }
  }

  tests::TempFolder folder_;
  tests::TempFolder again_;
  json dump_;
  std::vector<Problem> problems_;
  int threads_ = 0;
};

Job fixed_job() { return Draw{1}.job(); }

TEST_F(FromDumpTest, AnyRunComesBackAsItWas) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Job job = Draw{seed + i}.job();
    const auto [manifest, source] = repeat(write(job));
    ASSERT_THAT(problems_, IsEmpty()) << describe(problems_.at(0)) << dump_.dump(2);
    expect_equal(manifest, job);
    EXPECT_EQ(dump_output(manifest.output), dump_output(job.output));
    EXPECT_EQ(manifest.output.path, again_.path());
    EXPECT_EQ(manifest.name, "cats");
    EXPECT_EQ(threads_, 3);
  }
}

TEST_F(FromDumpTest, AnyItemComesBackAsItWas) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  for (std::uint64_t i = 0; i < 200; ++i) {
    Job job = Draw{seed + i}.job();
    job.items.resize(1);
    job.items[0].metadata = "{}";
    const json dump{{"layer1_model_definition", configs::dump_layer1(job.model, {})},
                    {"layer2_inference_config", configs::dump_layer2(job.pipeline)},
                    {"layer3_request", configs::dump_layer3(job.items[0].request)},
                    {"threads", 2}};
    // As Python's json.dumps() writes it: without a character beyond ASCII.
    const auto [manifest, source] = repeat(folder_.write("item.json", dump.dump(-1, ' ', true)));
    ASSERT_THAT(problems_, IsEmpty()) << describe(problems_.at(0)) << dump.dump(2);
    expect_equal(manifest, job);
    EXPECT_EQ(threads_, 2);
  }
}

TEST_F(FromDumpTest, TheNewFrozenManifestStandsAlone) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Job job = Draw{seed + i}.job();
    const auto [manifest, source] = repeat(write(job), {"pipeline.steps=7"});
    ASSERT_THAT(problems_, IsEmpty());
    const results::RunDirectory again{again_.path()};
    results::durable::publish(run::write_requests_beside(again, packed(job.items)), again.requests());
    Job expected = job;
    expected.pipeline.steps = 7;
    const ManifestSource frozen{.text = frozen_manifest(manifest, source.directory),
                                .file = "manifest.yaml",
                                .directory = "/",
                                .sets = {},
                                .run_dir = {}};
    const Manifest thawed = decode(frozen);
    ASSERT_THAT(problems_, IsEmpty()) << describe(problems_.at(0)) << frozen.text;
    expect_equal(thawed, expected);
    EXPECT_THAT(frozen.text, Not(HasSubstr(folder_.path())));
  }
}

TEST_F(FromDumpTest, ItsNegativePromptsAreFinal) {
  Job job = fixed_job();
  job.pipeline = configs::preset_named("wan2.1-t2v-1.3b").pipeline;
  job.items.resize(1);
  job.pipeline.negative_prompt_suffix = "worst quality";
  for (const std::string& negative : {std::string{}, "ugly " + job.pipeline.negative_prompt_suffix}) {
    job.items[0].request.negative_prompt = negative;
    expect_equal(repeat(write(job)).first, job);
    EXPECT_THAT(problems_, IsEmpty());
  }
}

TEST_F(FromDumpTest, OptionsChangeTheJobAndAreNamedInProblems) {
  const std::string path = write(fixed_job());
  EXPECT_EQ(repeat(path, {"pipeline.steps=7", "pipeline.parallel.dp=auto", "output.latents=true"})
                .first.pipeline.steps,
            7);
  EXPECT_THAT(
      messages(path, {"pipeline.steps=0"}),
      ElementsAre("--set pipeline.steps: pipeline.steps is out of range (expected a whole number from 1 to "
                  "1000, got 0)"));
  for (const char* set : {"requests.file=x.jsonl", "requests={}", "model={noop: 1}", "pipeline={}",
                          "pipeline.preset=wan2.1-t2v-14b"}) {
    EXPECT_THAT(messages(path, {set}), ElementsAre(HasSubstr("cannot be set for a job from a dump"))) << set;
  }
}

TEST_F(FromDumpTest, AListThatIsNotTheDumpsIsRefused) {
  const Job job = fixed_job();
  const std::string path = write(job);
  folder_.write("requests.jsonl", "{\"prompt\": \"another\"}\n");
  EXPECT_THAT(messages(path), ElementsAre(HasSubstr("the items are not those of the dump")));
  std::filesystem::remove(folder_ / "requests.jsonl");
  EXPECT_THAT(messages(path), ElementsAre(HasSubstr("the dump's items cannot be read")));
}

TEST_F(FromDumpTest, EveryFieldOfADumpIsNeeded) {
  const std::string path = write(fixed_job());
  const json good = dump_;
  const json fields = good.flatten();
  for (const auto& [pointer, value] : fields.items()) {
    for (json::json_pointer at{pointer}; !at.empty(); at = at.parent_pointer()) {
      json torn = good;
      const std::string& key = at.back();
      if (at.parent_pointer().to_string() == "/layer1_model_definition/variants") continue;
      torn.at(at.parent_pointer()).erase(key);
      folder_.write("config.json", torn.dump(2));
      EXPECT_THAT(messages(path), Contains(HasSubstr(key + " is missing"))) << at;
    }
  }
}

struct Wrong {
  const char* pointer;
  json value;
  const char* message;
};

TEST_F(FromDumpTest, WrongValuesAreRefusedAtTheirPlaces) {
  const std::string path = write(fixed_job());
  const json good = dump_;
  const std::vector<Wrong> cases{
      {"/version", "2.0", "cannot read a dump of this version (expected 1.0, got \"2.0\")"},
      {"/version", 1, "cannot read a dump of this version"},
      {"/name", "a/b", "name is not valid"},
      {"/name", nullptr, "name has the wrong type"},
      {"/threads", 0, "threads is out of range"},
      {"/threads", "four", "threads has the wrong type"},
      {"/layer2_inference_config", json::array(),
       "layer2_inference_config has the wrong type (expected an object"},
      {"/layer2_inference_config/solver", "dpm", "pipeline.solver has an unknown value"},
      {"/layer2_inference_config/steps", 0, "pipeline.steps is out of range"},
      {"/layer2_inference_config/steps", 1e30, "pipeline.steps has the wrong type"},
      {"/layer2_inference_config/steps", "50", "pipeline.steps has the wrong type"},
      {"/layer2_inference_config/steps", nullptr, "pipeline.steps has the wrong type"},
      {"/layer2_inference_config/guidance_scale", -1, "pipeline.guidance_scale is out of range"},
      {"/layer2_inference_config/flow_shift", 0, "pipeline.flow_shift is out of range"},
      {"/layer2_inference_config/dtype", "int8", "pipeline.dtype has an unknown value"},
      {"/layer2_inference_config/text_window", -3, "pipeline.components.text_encoder.window is out of range"},
      {"/layer2_inference_config/parallel/dp", "all", "pipeline.parallel.dp has the wrong type"},
      {"/layer2_inference_config/parallel/cfg", 3, "pipeline.parallel.cfg shares out the two passes"},
      {"/layer2_inference_config/components/transformer/attention", "sage", "cannot run attention sage"},
      {"/layer2_inference_config/components/transformer/extra", 1,
       "unknown key pipeline.components.transformer.extra"},
      {"/layer2_inference_config/extra", 1, "unknown key pipeline.extra"},
      {"/layer2_inference_config/preset", "mine", "unknown preset mine"},
      {"/layer2_inference_config/preset", 7, "preset has the wrong type (expected text, got 7)"},
      {"/layer2_inference_config/preset", json::object(), "preset has the wrong type"},
      {"/layer2_inference_config/negative_prompt_suffix", json::array({1}),
       "negative_prompt_suffix has the wrong type"},
      {"/layer1_model_definition/noop", -1, "model.noop is out of range"},
      {"/layer1_model_definition/models", json::object(), "models has the wrong type (expected a list"},
      {"/layer1_model_definition/models", json::array({json::object()}), "models.0.key_hash is missing"},
      {"/layer1_model_definition/digest", "md5:0", "model.digest is not valid"},
      {"/layer1_model_definition/distilled", 1, "model.distilled has the wrong type"},
      {"/layer1_model_definition/extra", true, "unknown key model.extra"},
      {"/output/compression", "zip", "output.compression has an unknown value"},
      {"/output/items_per_part", 0, "output.items_per_part is out of range"},
      {"/output/video", "h265", "video"},
      {"/layer3_requests/file", "requests.csv", "cannot be read"},
      {"/layer3_requests/file", "/dev/zero", "cannot be read"},
      {"/layer3_requests/sha256", "00", "the items are not those of the dump"},
      {"/layer3_request", configs::dump_layer3({.id = "a", .prompt = "p"}),
       "the dump is of one item and of many"},
  };
  for (const Wrong& wrong : cases) {
    json dump = good;
    dump[json::json_pointer{wrong.pointer}] = wrong.value;
    folder_.write("config.json", dump.dump(2));
    const std::vector<std::string> said = messages(path);
    EXPECT_THAT(said, Contains(HasSubstr(wrong.message))) << wrong.pointer << " " << wrong.value;
    EXPECT_THAT(said, Contains(HasSubstr(path + ":"))) << wrong.pointer;
  }
}

TEST_F(FromDumpTest, WrongValuesAreReportedTogether) {
  const std::string path = write(fixed_job());
  dump_["layer2_inference_config"]["steps"] = 0;
  dump_["layer2_inference_config"]["solver"] = "dpm";
  dump_["output"]["compression"] = "zip";
  folder_.write("config.json", dump_.dump(2));
  EXPECT_EQ(messages(path).size(), 3u);
}

TEST_F(FromDumpTest, WhatIsNoDumpIsRefused) {
  for (const char* text : {"", "schema: 1\nname: x\n", "[]", "{}", "null", "7", "{\"version\": \"1.0\"}",
                           "{\"layer3_request\": {}}", "{\"layer3_request\": 5}"}) {
    EXPECT_THAT(messages(folder_.write("x.json", text)), Not(IsEmpty())) << text;
  }
  EXPECT_THAT(messages(folder_ / "absent.json"), ElementsAre(HasSubstr("absent.json")));
}

TEST_F(FromDumpTest, DamagedBytesNeverCrash) {
  std::mt19937_64 random{7};
  const Job job = fixed_job();
  const std::string path = write(job);
  const std::string good = dump_.dump();
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    const int changes = static_cast<int>(random() % 4) + 1;
    for (int change = 0; change < changes; ++change) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, random() % 40);
      } else {
        text[at] = "{}[]\",:0-9e.\\ntf \xc3"[random() % 19];
      }
      if (text.empty()) text = " ";
    }
    folder_.write("config.json", text);
    messages(path);
  }
}

}  // namespace
}  // namespace ditmill::jobs::plan

#include "configs/model_definition.h"

#include <gmock/gmock.h>

#include "tests/configs/layer_text.h"

namespace ditmill::configs {
namespace {

using testing::IsEmpty;

ModelDefinition read(std::string_view text, std::vector<std::string>& problems) {
  ModelDefinition model;
  problems = problems_of(text, [&model](MapReader& root) {
    model = read_model_definition(root.map("model"), "/jobs/cats");
    root.finish();
  });
  return model;
}

TEST(ModelDefinition, ReadsEveryField) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  std::vector<std::string> problems;
  const ModelDefinition model = read("model:\n  path: models/../wan\n  catalog: /c/mine.yaml\n  digest: \"" +
                                         digest + "\"\n  variants: {dit: wan2.2-high}\n  distilled: true\n",
                                     problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(model.path, "/jobs/cats/wan");
  EXPECT_EQ(model.catalog, "/c/mine.yaml");
  EXPECT_EQ(model.digest, digest);
  EXPECT_EQ(model.variants, (std::map<std::string, std::string>{{"transformer", "wan2.2-high"}}));
  EXPECT_TRUE(model.distilled);
  EXPECT_FALSE(model.noop_seconds.has_value());
}

TEST(ModelDefinition, MakesPathsAbsoluteFromTheManifestsFolder) {
  const std::vector<std::pair<std::string, std::string>> cases{{"wan", "/jobs/cats/wan"},
                                                               {"./wan/", "/jobs/cats/wan/"},
                                                               {"../../wan", "/wan"},
                                                               {"/data/wan", "/data/wan"},
                                                               {"'with space'", "/jobs/cats/with space"},
                                                               {"14", "/jobs/cats/14"}};
  for (const auto& [path, absolute] : cases) {
    std::vector<std::string> problems;
    EXPECT_EQ(read("model: {path: " + path + "}", problems).path, absolute);
    EXPECT_THAT(problems, IsEmpty());
  }
}

TEST(ModelDefinition, TakesARehearsalInsteadOfAPath) {
  std::vector<std::string> problems;
  const ModelDefinition model = read("model: {noop: 0.5}", problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(model.noop_seconds, 0.5);
  EXPECT_EQ(model.path, "");
}

TEST(ModelDefinition, RefusesWhatContradictsItself) {
  struct Case {
    std::string text;
    std::vector<std::string> problems;
  };
  const std::string missing =
      "model.path is missing (expected a model folder, or noop: SECONDS for a rehearsal)";
  const std::vector<Case> cases{
      {"x: 1\n", {"m.yaml:1:1: " + missing, "m.yaml:1:1: unknown key x"}},
      {"model:\n", {"m.yaml:1:1: " + missing}},
      {"model: {distilled: false}", {"m.yaml:1:8: " + missing}},
      {"model: wan\n",
       {"m.yaml:1:8: model has the wrong type (expected a mapping, got wan)", "m.yaml:1:8: " + missing}},
      {"model:\n  path: a\n  noop: 1\n",
       {"m.yaml:3:3: model.path and model.noop exclude each other (expected one of them)"}},
      {"model: {path: ''}", {"m.yaml:1:15: model.path is empty (expected a path)"}},
      {"model: {path: }", {"m.yaml:1:9: model.path has the wrong type (expected text, got nothing)"}},
      {"model: {noop: -1}",
       {"m.yaml:1:15: model.noop is out of range (expected a number from 0 to 86400, got -1)"}},
      {"model: {path: a, digest: abc}",
       {"m.yaml:1:26: model.digest is not valid (expected sha256: and 64 digits 0-9 a-f, got abc)"}},
      {"model: {path: a, digest: '" + std::string("sha256:") + std::string(64, 'A') + "'}",
       {"m.yaml:1:26: model.digest is not valid (expected sha256: and 64 digits 0-9 a-f, got sha256:" +
        std::string(64, 'A') + ")"}},
      {"model: {path: a, digest: '" + std::string("sha256:") + std::string(63, 'a') + "'}",
       {"m.yaml:1:26: model.digest is not valid (expected sha256: and 64 digits 0-9 a-f, got sha256:" +
        std::string(63, 'a') + ")"}},
      {"model: {noop: 1, digest: 'sha256:" + std::string(64, 'a') + "'}",
       {"m.yaml:1:18: model.digest pins weights, and a rehearsal has none (expected no digest)"}},
      {"model: {path: a, variants: {trasformer: x}}",
       {"m.yaml:1:29: unknown key model.variants.trasformer (expected transformer, transformer_2, "
        "text_encoder, "
        "image_encoder, vae); did you mean transformer?"}},
      {"model: {path: a, variants: {transformer: x, dit: y}}",
       {"m.yaml:1:45: model.variants.dit is there twice: dit is the former name of transformer (expected one "
        "of them)"}},
      {"model: {components: {dit: a, transformer: {path: b}}}",
       {"m.yaml:1:30: model.components.transformer is there twice: dit is the former name of transformer "
        "(expected one of them)"}},
      {"model: {path: a, variants: {dit: [x]}}",
       {"m.yaml:1:34: model.variants.dit has the wrong type (expected text, got a list)"}},
      {"model: {path: a, destilled: true}",
       {"m.yaml:1:18: unknown key model.destilled; did you mean distilled?"}},
      {"model: {path: a, distilled: yes}",
       {"m.yaml:1:29: model.distilled has the wrong type (expected true or false, got yes)"}},
  };
  for (const Case& each : cases) {
    std::vector<std::string> problems;
    read(each.text, problems);
    EXPECT_EQ(problems, each.problems) << each.text;
  }
}

}  // namespace
}  // namespace ditmill::configs

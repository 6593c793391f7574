#include "jobs/plan/bind/weights_dump.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;
using testing::HasSubstr;

registry::Component component(std::string name, std::vector<registry::TensorInfo> tensors) {
  registry::Component component;
  component.role = name.starts_with("transformer") ? "dit" : name;
  component.name = std::move(name);
  component.label = "/models/m/" + component.name;
  component.files.push_back({.path = component.label + "/model.safetensors", .tensors = std::move(tensors)});
  component.identity.key_hash = "hash of " + component.name;
  component.identity.family = "wan";
  component.identity.variant = "variant of " + component.name;
  component.identity.layout = "diffusers";
  return component;
}

PreparedJob job() {
  using enum registry::ElementType;
  PreparedJob job;
  job.family = &models::family_named("wan");
  job.folder.components = {component("transformer", {{.name = "a", .type = bf16, .shape = {2, 3}}}),
                           component("text_encoder", {{.name = "b", .type = f32, .shape = {}}}),
                           component("vae", {{.name = "c", .type = f16, .shape = {5}}})};
  for (const registry::Component& each : job.folder.components) {
    job.hyper_parameters[each.name] = {{"layers", 2}, {"eps", 1e-6}};
  }
  return job;
}

TEST(WeightsDump, SaysWhatHeadersTell) {
  const configs::WeightsDump dump = weights_dump(job());
  ASSERT_EQ(dump.components.size(), 3u);
  const configs::ComponentDump& dit = dump.components[0];
  EXPECT_EQ(dit.name, "transformer");
  EXPECT_EQ(dit.architecture, "wan_dit");
  EXPECT_EQ(dit.variant, "variant of transformer");
  EXPECT_EQ(dit.key_hash, "hash of transformer");
  EXPECT_EQ(dit.path, "/models/m/transformer");
  EXPECT_EQ(dit.parameters, 6u);
  EXPECT_EQ(dit.dtype, "bfloat16");
  EXPECT_EQ(dump.components[2].dtype, "float32");
  EXPECT_EQ(dit.hyper_parameters, (json{{"layers", 2}, {"eps", 1e-6}}));
  EXPECT_TRUE(dump.experts.empty());
  EXPECT_EQ(dump.quantization, "");
  EXPECT_EQ(dump.prediction_type, "flow");
}

TEST(WeightsDump, NamesExpertsAndQuantization) {
  PreparedJob two = job();
  two.folder.components.insert(two.folder.components.begin() + 1, component("transformer_2", {}));
  two.hyper_parameters["transformer_2"] = two.hyper_parameters["transformer"];
  two.folder.components[0].identity.variant = "wan2.2-t2v-a14b-high";
  two.folder.components[1].identity.variant = "wan2.2-t2v-a14b-low";
  two.folder.components[1].files[0].tensors = {
      {.name = "q", .type = registry::ElementType::f8_e4m3, .shape = {}},
      {.name = "r", .type = registry::ElementType::i8, .shape = {}}};
  two.experts = experts_of(two.folder, registry::Catalog::built_in());
  const json layer1 = configs::dump_layer1({}, weights_dump(two));
  EXPECT_EQ(layer1.at("experts"), json::parse(R"([{"name": "high", "variant": "wan2.2-t2v-a14b-high"},
                                                  {"name": "low", "variant": "wan2.2-t2v-a14b-low"}])"));
  EXPECT_EQ(layer1.at("quantization"), "f8_e4m3+i8");
}

TEST(WeightsDump, IsEmptyForARehearsal) {
  const json layer1 = configs::dump_layer1({}, weights_dump({}));
  EXPECT_EQ(layer1.at("models"), json::array());
  EXPECT_TRUE(layer1.at("prediction_type").is_null());
}

TEST(SameWeights, DifferencesAreRefusedByName) {
  const configs::WeightsDump now = weights_dump(job());
  const json good = configs::dump_layer1({}, now);
  require_same_weights(good, now, "/models/m");
  json moved = good;
  moved["models"][0]["path"] = "/elsewhere";
  moved["models"][0]["digest"] = "sha256:other";
  require_same_weights(moved, now, "/models/m");

  const std::vector<std::pair<const char*, json>> changes{
      {"/models/0/key_hash", "another"},        {"/models/1/variant", "another"},
      {"/models/2/layout", "official"},         {"/models/0/parameters", 7},
      {"/models/0/hyper_parameters/layers", 3}, {"/models/0/class", 5},
      {"/experts", json::array({1})},           {"/quantization", "i8"},
      {"/prediction_type", "epsilon"},          {"/models", json::array()}};
  for (const auto& [pointer, value] : changes) {
    json other = good;
    other[json::json_pointer{pointer}] = value;
    try {
      require_same_weights(other, now, "/models/m");
      ADD_FAILURE() << pointer;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(),
                  HasSubstr(json::json_pointer{pointer}.to_string().find("hyper") != std::string::npos
                                ? "hyper_parameters"
                                : json::json_pointer{pointer}.back()));
      EXPECT_THAT(error.hint(), HasSubstr("--set model.path"));
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs::plan

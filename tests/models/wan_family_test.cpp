#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/family.h"
#include "models/vae/wan_vae_dims.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models {
namespace {

using ::testing::HasSubstr;

HyperParameters fitting() {
  return {{"transformer", wan::to_json(wan::tiny_dims())},
          {"vae", to_json(WanVaeDims{.base_dim = 96,
                                     .z_dim = 16,
                                     .dim_mult = {1, 2, 4, 4},
                                     .num_res_blocks = 2,
                                     .temporal_downsample = {false, true, true},
                                     .latents_mean = {},
                                     .latents_std = {}})},
          {"text_encoder", {{"dim", 48}, {"heads", 4}, {"head_dim", 16}, {"ffn_dim", 96}}}};
}

TEST(Families, AreFoundByName) {
  for (const Family* family : families()) EXPECT_EQ(&family_named(family->name()), family);
  EXPECT_EQ(family_named("wan").name(), "wan");
}

TEST(Families, AnUnknownOneIsRefusedWithThoseThereAre) {
  try {
    family_named("flux");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::unsupported);
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("wan"), HasSubstr("flux")));
  }
}

TEST(WanFamily, BindsByRoleAndRefusesOthers) {
  registry::Component component = wan::tiny_component();
  EXPECT_EQ(family_named("wan").bind(component)["heads"], 3);
  component.role = "image_encoder";
  EXPECT_THROW(family_named("wan").bind(component), Error);
}

TEST(WanFamily, RefusesModelsThatNoRunCanUseYet) {
  const auto refused = [](const registry::Component& component, const char* words) {
    try {
      family_named("wan").bind(component);
      ADD_FAILURE() << words << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::unsupported);
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  };
  registry::Component variant = wan::tiny_component();
  variant.identity.variant = "wan2.2-i2v-a14b-high";
  refused(variant, "wan2.2-i2v-a14b-high");
  refused(wan::tiny_component(wan::picture_dims()), "image-to-video");
  wan::Dims two_experts = wan::picture_dims();
  two_experts.image_dim = 0;
  refused(wan::tiny_component(two_experts), "as many input channels as output channels");
}

TEST(WanFamily, ComponentsThatFitAreTaken) { EXPECT_NO_THROW(family_named("wan").check_together(fitting())); }

TEST(WanFamily, ComponentsThatDoNotFitAreNamed) {
  struct Case {
    const char* role;
    const char* field;
    int value;
  };
  for (const Case& c : {Case{"vae", "z_dim", 48},
                        {"vae", "spatial_scale", 16},
                        {"vae", "temporal_scale", 8},
                        {"text_encoder", "dim", 4096}}) {
    HyperParameters all = fitting();
    all[c.role][c.field] = c.value;
    try {
      family_named("wan").check_together(all);
      FAIL() << c.role << " " << c.field;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr(c.role), HasSubstr(std::to_string(c.value))));
    }
  }
}

TEST(WanFamily, ActivationsGrowWithTheClipAndWithTheType) {
  const Family& wan = family_named("wan");
  configs::PipelineConfig pipeline;
  pipeline.components = {{"transformer", {}}, {"vae", {}}, {"text_encoder", {}}};
  configs::Request small;
  small.frames = 5;
  configs::Request large;
  const std::uint64_t bytes = wan.activation_bytes(fitting(), pipeline, small, {}).most();
  EXPECT_GT(wan.activation_bytes(fitting(), pipeline, large, {}).most(), bytes);
  for (auto& [name, component] : pipeline.components) component.dtype = configs::Dtype::float32;
  EXPECT_GT(wan.activation_bytes(fitting(), pipeline, small, {}).most(), bytes);
}

}  // namespace
}  // namespace ditmill::models

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

TEST(WanFamily, TakesTransformersOfTextsAndOfPictures) {
  const Family& wan = family_named("wan");
  EXPECT_NO_THROW(wan.bind(wan::tiny_component(wan::picture_dims())));
  wan::Dims odd = wan::picture_dims();
  odd.in_channels = odd.out_channels + 3;
  try {
    wan.bind(wan::tiny_component(odd));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("picture to video"));
  }
}

TEST(WanFamily, PicturesAreFieldsOfThoseThatTakeThem) {
  const Family& wan = family_named("wan");
  HyperParameters all{{"transformer", wan::to_json(wan::tiny_dims())}};
  EXPECT_FALSE(wan.takes(all, "image"));
  EXPECT_THAT(wan.required(all), ::testing::IsEmpty());
  wan::Dims pictures = wan::picture_dims();
  pictures.in_channels = 2 * pictures.out_channels + 4;
  pictures.image_tokens = 0;
  all["transformer"] = wan::to_json(pictures);
  EXPECT_TRUE(wan.takes(all, "image"));
  EXPECT_FALSE(wan.takes(all, "last_image")) << "CLIP's tokens of a second picture have no place";
  pictures.last_picture = true;
  EXPECT_TRUE(wan.takes({{"transformer", wan::to_json(pictures)}}, "last_image")) << "Fun-InP";
  pictures.last_picture = false;
  EXPECT_THAT(wan.required(all), ::testing::ElementsAre("image"));
  pictures.image_tokens = 34;
  all["transformer"] = wan::to_json(pictures);
  EXPECT_THAT(wan.required(all), ::testing::ElementsAre("image", "last_image"));
  pictures.image_tokens = 0;
  pictures.image_dim = 0;
  all["transformer"] = wan::to_json(pictures);
  EXPECT_TRUE(wan.takes(all, "last_image")) << "no CLIP: latents alone";
  EXPECT_THAT(wan.required(all), ::testing::ElementsAre("image"));
}

TEST(WanFamily, SizesFollowTheVaesScale) {
  const Family& wan = family_named("wan");
  wan::Dims wide = wan::tiny_dims();
  wide.in_channels = wide.out_channels = 48;
  const HyperParameters all{{"transformer", wan::to_json(wide)}, {"vae", {{"spatial_scale", 16}}}};
  configs::Request request;
  request.width = 64;
  request.height = 48;
  request.frames = 5;
  EXPECT_EQ(wan.check_request(all, request).size(), 1U) << "48 is no multiple of 32";
  request.height = 96;
  EXPECT_THAT(wan.check_request(all, request), ::testing::IsEmpty());
  EXPECT_EQ(wan.latent_shape(all, request), (std::array<std::int64_t, 4>{48, 2, 6, 4}));
}

TEST(WanFamily, ComponentsThatFitAreTaken) { EXPECT_NO_THROW(family_named("wan").check_together(fitting())); }

TEST(WanFamily, ComponentsThatDoNotFitAreNamed) {
  struct Case {
    const char* role;
    const char* field;
    int value;
  };
  for (const Case& c :
       {Case{"vae", "z_dim", 48}, {"vae", "temporal_scale", 8}, {"text_encoder", "dim", 4096}}) {
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

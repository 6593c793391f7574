#include "models/vae/wan_vae_dims.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "models/binding/architecture.h"
#include "registry/identity/catalog.h"

namespace ditmill::models {
namespace {

using testing::HasSubstr;

WanVaeDims tiny() {
  return {.base_dim = 10,
          .z_dim = 4,
          .dim_mult = {1, 2, 2},
          .num_res_blocks = 1,
          .temporal_downsample = {false, true},
          .latents_mean = {0.1, 0.2, 0.3, 0.4},
          .latents_std = {1, 2, 3, 4}};
}

WanVaeDims tiny_22() {
  WanVaeDims dims = tiny();
  dims.is_residual = true;
  dims.decoder_base_dim = 12;
  dims.patch_size = 2;
  return dims;
}

registry::Component component(const WanVaeDims& dims = tiny()) {
  registry::Component c;
  c.role = "vae";
  c.label = "model/vae";
  c.config_path = "model/vae/config.json";
  c.config = {{"base_dim", dims.base_dim},
              {"z_dim", dims.z_dim},
              {"dim_mult", dims.dim_mult},
              {"num_res_blocks", dims.num_res_blocks},
              {"temperal_downsample", dims.temporal_downsample},
              {"latents_mean", dims.latents_mean},
              {"latents_std", dims.latents_std},
              {"attn_scales", nlohmann::json::array()},
              {"is_residual", dims.is_residual},
              {"patch_size", nullptr},
              {"decoder_base_dim", nullptr}};
  if (dims.is_residual) {
    c.config["patch_size"] = dims.patch_size;
    c.config["decoder_base_dim"] = dims.decoder_base_dim;
    c.config["in_channels"] = dims.patch_channels();
    c.config["out_channels"] = dims.patch_channels();
  }
  c.files.emplace_back();
  for (const auto& [name, shape] : wan_vae_shapes(dims)) {
    c.files[0].tensors.push_back({.name = name, .type = registry::ElementType::f32, .shape = shape});
  }
  return c;
}

WanVaeDims published() {
  return {.base_dim = 96,
          .z_dim = 16,
          .dim_mult = {1, 2, 4, 4},
          .num_res_blocks = 2,
          .temporal_downsample = {false, true, true},
          .latents_mean = {},
          .latents_std = {}};
}

WanVaeDims published_22() {
  WanVaeDims dims = published();
  dims.base_dim = 160;
  dims.z_dim = 48;
  dims.is_residual = true;
  dims.decoder_base_dim = 256;
  dims.patch_size = 2;
  return dims;
}

TEST(WanVaeDims, ComeFromTheShapesAndTheStatisticsOfConfig) {
  const nlohmann::json bound = bind_wan_vae(component());
  EXPECT_EQ(bound, to_json(tiny()));
  EXPECT_EQ(bound["spatial_scale"], 4);
  EXPECT_EQ(bound["temporal_scale"], 2);
  EXPECT_EQ(to_json(wan_vae_dims_from_json(bound)), bound);
}

TEST(WanVaeDims, OfWan22ComeFromTheShapesAndTheStatisticsOfConfig) {
  WanVaeDims widths = tiny_22();
  widths.dim_mult = {2, 4, 2};
  widths.num_res_blocks = 2;
  WanVaeDims no_patches = tiny_22();
  no_patches.patch_size = 1;
  for (const WanVaeDims& dims : {tiny_22(), widths, no_patches}) {
    const nlohmann::json bound = bind_wan_vae(component(dims));
    EXPECT_EQ(bound, to_json(dims));
    EXPECT_EQ(bound["spatial_scale"], 4 * dims.patch_size);
    EXPECT_EQ(bound["temporal_scale"], 2);
    EXPECT_EQ(to_json(wan_vae_dims_from_json(bound)), bound);
  }
}

TEST(WanVaeDims, OfWan21AreThoseOfBeforeThereWas22) {
  const nlohmann::json json = to_json(tiny());
  EXPECT_EQ(json.size(), 9U);
  const WanVaeDims dims = wan_vae_dims_from_json(json);
  EXPECT_EQ(dims.decoder_base_dim, dims.base_dim);
  EXPECT_EQ(dims.patch_channels(), 3);
  EXPECT_FALSE(dims.is_residual);
}

TEST(WanVaeDims, ArePublishedOnesWithoutAnyConfig) {
  registry::Component c = component(published());
  c.config = nlohmann::json::object();
  const nlohmann::json bound = bind_wan_vae(c);
  EXPECT_EQ(bound["dim_mult"], nlohmann::json({1, 2, 4, 4}));
  EXPECT_EQ(bound["latents_mean"][0], -0.7571);
  EXPECT_EQ(bound["latents_std"][15], 1.9160);
  EXPECT_EQ(bound["spatial_scale"], 8);
  EXPECT_EQ(bound["temporal_scale"], 4);
}

TEST(WanVaeDims, OfWan22ArePublishedOnesWithoutAnyConfig) {
  registry::Component c = component(published_22());
  c.config = nlohmann::json::object();
  const nlohmann::json bound = bind_wan_vae(c);
  EXPECT_EQ(bound["dim_mult"], nlohmann::json({1, 2, 4, 4}));
  EXPECT_EQ(bound["decoder_base_dim"], 256);
  EXPECT_EQ(bound["patch_size"], 2);
  EXPECT_EQ(bound["latents_mean"].size(), 48U);
  EXPECT_EQ(bound["latents_mean"][0], -0.2289);
  EXPECT_EQ(bound["latents_mean"][47], -0.0667);
  EXPECT_EQ(bound["latents_std"][0], 0.4765);
  EXPECT_EQ(bound["latents_std"][47], 0.7744);
  EXPECT_EQ(bound["spatial_scale"], 16);
  EXPECT_EQ(bound["temporal_scale"], 4);
}

TEST(WanVaeDims, OfWan22HaveThePublishedTensorsAsTheCatalogStatesThem) {
  EXPECT_EQ(wan_vae_shapes(published_22()),
            shapes_of(registry::built_in_architecture("wan_vae_22"),
                      {{"base_dim", 160}, {"decoder_dim", 256}, {"z_dim", 48}}));
}

TEST(WanVaeDims, HaveThePublishedTensorsAsTheCatalogStatesThem) {
  const Shapes shapes = wan_vae_shapes(published());
  EXPECT_EQ(shapes.size(), 194u);
  EXPECT_EQ(shapes, shapes_of(registry::built_in_architecture("wan_vae"), {{"base_dim", 96}, {"z_dim", 16}}));
  EXPECT_EQ(shapes.at("decoder.up_blocks.1.resnets.0.conv1.weight"),
            (std::vector<std::uint64_t>{384, 192, 3, 3, 3}));
  EXPECT_EQ(shapes.at("encoder.down_blocks.5.time_conv.weight"),
            (std::vector<std::uint64_t>{192, 192, 3, 1, 1}));
}

TEST(WanVaeDims, SayWhichTensorsDecodingNeeds) {
  EXPECT_TRUE(vae_needs("decoder.conv_in.weight"));
  EXPECT_TRUE(vae_needs("post_quant_conv.bias"));
  EXPECT_FALSE(vae_needs("encoder.conv_in.weight"));
  EXPECT_FALSE(vae_needs("quant_conv.bias"));
}

struct Refused {
  const char* name;
  std::function<void(registry::Component&)> change;
  Category category;
  const char* words;
};

std::function<void(registry::Component&)> drop(std::string name) {
  return [name = std::move(name)](registry::Component& c) {
    std::erase_if(c.files[0].tensors, [&](const auto& t) { return t.name == name; });
  };
}

std::function<void(registry::Component&)> reshape(std::string name, std::vector<std::uint64_t> shape) {
  return [name = std::move(name), shape = std::move(shape)](registry::Component& c) {
    for (auto& t : c.files[0].tensors) {
      if (t.name == name) t.shape = shape;
    }
  };
}

void expect_refused(const WanVaeDims& dims, std::span<const Refused> cases) {
  for (const Refused& r : cases) {
    SCOPED_TRACE(r.name);
    registry::Component c = component(dims);
    r.change(c);
    try {
      bind_wan_vae(c);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), r.category);
      EXPECT_THAT(error.what(), HasSubstr(r.words));
    }
  }
}

TEST(WanVaeDims, RefuseContradictionsAndOtherMath) {
  const Refused cases[] = {
      {"base", [](auto& c) { c.config["base_dim"] = 12; }, Category::bad_input,
       "10, as the weights' shapes say, got 12"},
      {"dim_mult",
       [](auto& c) {
         c.config["dim_mult"] = {1, 2, 4};
       },
       Category::bad_input, "[1,2,2], as the weights' shapes say"},
      {"time",
       [](auto& c) {
         c.config["temperal_downsample"] = {true, true};
       },
       Category::bad_input, "temperal_downsample"},
      {"scale", [](auto& c) { c.config["scale_factor_spatial"] = 8; }, Category::bad_input,
       "scale_factor_spatial"},
      {"Wan 2.2", [](auto& c) { c.config["is_residual"] = true; }, Category::bad_input, "is_residual"},
      {"patches", [](auto& c) { c.config["patch_size"] = 2; }, Category::bad_input, "patch_size"},
      {"attention", [](auto& c) { c.config["attn_scales"] = {1.0}; }, Category::unsupported, "attn_scales"},
      {"mean",
       [](auto& c) {
         c.config["latents_mean"] = {1, 2};
       },
       Category::bad_input, "a list of 4 numbers"},
      {"std",
       [](auto& c) {
         c.config["latents_std"] = {1, 0, 1, 1};
       },
       Category::bad_input, "latents_std above 0"},
      {"no statistics", [](auto& c) { c.config.erase("latents_mean"); }, Category::bad_input,
       "only those of the published number"},
      {"missing of the decoder", drop("decoder.mid_block.attentions.0.proj.bias"), Category::bad_input,
       "missing decoder.mid_block.attentions.0.proj.bias [20]"},
      {"missing of the encoder", drop("encoder.conv_out.bias"), Category::bad_input,
       "missing encoder.conv_out.bias [8]"},
      {"unexpected",
       [](auto& c) {
         c.files[0].tensors.push_back(
             {.name = "decoder.extra", .type = registry::ElementType::f32, .shape = {1}});
       },
       Category::bad_input, "unexpected decoder.extra [1]"},
      {"no decoder",
       [](auto& c) {
         std::erase_if(c.files[0].tensors, [](auto& t) { return t.name.starts_with("decoder."); });
       },
       Category::bad_input, "decoder.up_blocks.0"},
  };
  expect_refused(tiny(), cases);
}

TEST(WanVaeDims, OfWan22RefuseContradictionsAndOtherMath) {
  const Refused cases[] = {
      {"Wan 2.1", [](auto& c) { c.config["is_residual"] = false; }, Category::bad_input,
       "true, as the weights' shapes say, got false"},
      {"patches", [](auto& c) { c.config["patch_size"] = 4; }, Category::bad_input, "patch_size"},
      {"channels in", [](auto& c) { c.config["in_channels"] = 3; }, Category::bad_input, "in_channels"},
      {"channels out", [](auto& c) { c.config["out_channels"] = 3; }, Category::bad_input, "out_channels"},
      {"decoder", [](auto& c) { c.config["decoder_base_dim"] = 10; }, Category::bad_input,
       "12, as the weights' shapes say, got 10"},
      {"scale", [](auto& c) { c.config["scale_factor_spatial"] = 4; }, Category::bad_input,
       "scale_factor_spatial"},
      {"attention", [](auto& c) { c.config["attn_scales"] = {1.0}; }, Category::unsupported, "attn_scales"},
      {"no statistics", [](auto& c) { c.config.erase("latents_std"); }, Category::bad_input,
       "latents_mean and latents_std of 4 channels"},
      {"no square patches", reshape("encoder.conv_in.weight", {10, 6, 3, 3, 3}), Category::bad_input,
       "3, 12, 27"},
      {"patches of the decoder", reshape("decoder.conv_out.bias", {3}), Category::bad_input,
       "decoder.conv_out.bias is [3], not [12]"},
      {"missing of a level", drop("encoder.down_blocks.1.downsampler.resample.1.bias"), Category::bad_input,
       "missing encoder.down_blocks.1.downsampler.resample.1.bias [20]"},
      {"missing of the decoder", drop("decoder.up_blocks.0.upsampler.time_conv.weight"), Category::bad_input,
       "missing decoder.up_blocks.0.upsampler.time_conv.weight [48, 24, 3, 1, 1]"},
      {"no residual blocks", drop("encoder.down_blocks.2.resnets.0.norm1.gamma"), Category::bad_input,
       "at least 1 residual block"},
  };
  expect_refused(tiny_22(), cases);
}

TEST(WanVaeDims, OfWan22RefuseWidthsThatNoShortcutLeadsTo) {
  for (const std::vector<std::int64_t>& widths : {std::vector<std::int64_t>{1, 1, 2}, {1, 5, 5}, {3, 1, 1}}) {
    WanVaeDims dims = tiny_22();
    dims.dim_mult = widths;
    try {
      bind_wan_vae(component(dims));
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(), HasSubstr("widths that a shortcut leads to"));
    }
  }
}

}  // namespace
}  // namespace ditmill::models

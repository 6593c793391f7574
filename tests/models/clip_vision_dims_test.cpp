#include "models/image_encoders/clip_vision_dims.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::models {
namespace {

using testing::HasSubstr;

ClipVisionDims tiny_clip(ClipNaming naming = ClipNaming::transformers) {
  return {.dim = 48, .heads = 3, .ffn_dim = 100, .layers = 3, .patch = 56, .tokens = 17, .naming = naming};
}

registry::Component clip_component(ClipNaming naming = ClipNaming::transformers) {
  registry::Component c;
  c.role = "image_encoder";
  c.label = "model/image_encoder";
  c.config_path = "model/image_encoder/config.json";
  c.config = {{"model_type", "clip_vision_model"},
              {"hidden_size", 48},
              {"intermediate_size", 100},
              {"num_hidden_layers", 3},
              {"num_attention_heads", 3},
              {"patch_size", 56},
              {"image_size", 224},
              {"hidden_act", "gelu"},
              {"projection_dim", 1024}};
  c.files.emplace_back();
  for (const auto& [name, shape] : clip_vision_shapes(tiny_clip(naming)))
    c.files[0].tensors.push_back({.name = name, .type = registry::ElementType::f16, .shape = shape});
  return c;
}

TEST(ClipVisionDims, ComeFromTheShapesAndHeadsFromConfig) {
  for (const ClipNaming naming : {ClipNaming::transformers, ClipNaming::wan, ClipNaming::open_clip}) {
    const registry::Component c = clip_component(naming);
    EXPECT_EQ(clip_vision_dims_from_json(bind_clip_vision(c)), tiny_clip(naming));
  }
  EXPECT_EQ(tiny_clip().image_size(), 224);
}

TEST(ClipVisionDims, AreThoseOfTheCatalogWithoutConfig) {
  registry::Component c = clip_component(ClipNaming::wan);
  c.config = nlohmann::json::object();
  EXPECT_THROW(bind_clip_vision(c), Error) << "48 is no multiple of 80";
  c.identity.hyper_parameters = {{"heads", 4}};
  EXPECT_EQ(bind_clip_vision(c).at("heads"), 4);
}

TEST(ClipVisionDims, TakeFromConfigWhatNoShapeSays) {
  registry::Component c = clip_component();
  c.config["layer_norm_eps"] = 1e-6;
  EXPECT_EQ(bind_clip_vision(c).at("eps"), 1e-6);
}

TEST(ClipVisionDims, NeedNothingOfTheLastLayerAndBehindIt) {
  for (const ClipNaming naming : {ClipNaming::transformers, ClipNaming::wan, ClipNaming::open_clip}) {
    const ClipVisionDims dims = tiny_clip(naming);
    std::size_t needless = 0;
    for (const auto& [name, shape] : clip_vision_shapes(dims))
      needless += clip_vision_needs(dims, name) ? 0 : 1;
    EXPECT_EQ(needless, naming == ClipNaming::transformers ? 18U : 14U);
    EXPECT_TRUE(clip_vision_needs(dims, "vision_model.encoder.layers.1.mlp.fc1.weight"));
    EXPECT_TRUE(clip_vision_needs(dims, "vision_model.pre_layrnorm.weight"));
    EXPECT_FALSE(clip_vision_needs(dims, "vision_model.encoder.layers.2.mlp.fc1.weight"));
    EXPECT_FALSE(clip_vision_needs(dims, "vision_model.post_layernorm.bias"));
  }
}

struct RefusedClip {
  const char* name;
  std::function<void(registry::Component&)> change;
  Category category;
  const char* words;
};

void reshape(registry::Component& c, const std::string& name, const std::vector<std::uint64_t>& shape) {
  for (auto& tensor : c.files[0].tensors) {
    if (tensor.name == name) tensor.shape = shape;
  }
}

TEST(ClipVisionDims, RefuseContradictionsAndOtherMath) {
  const std::string positions = "vision_model.embeddings.position_embedding.weight";
  const RefusedClip cases[] = {
      {"quick_gelu", [](auto& c) { c.config["hidden_act"] = "quick_gelu"; }, Category::unsupported,
       "hidden_act"},
      {"no activation", [](auto& c) { c.config.erase("hidden_act"); }, Category::unsupported, "quick_gelu"},
      {"other model", [](auto& c) { c.config["model_type"] = "siglip_vision_model"; }, Category::unsupported,
       "model_type"},
      {"width", [](auto& c) { c.config["hidden_size"] = 1280; }, Category::bad_input,
       "48, as the weights' shapes"},
      {"layers", [](auto& c) { c.config["num_hidden_layers"] = 4; }, Category::bad_input,
       "num_hidden_layers"},
      {"picture", [](auto& c) { c.config["image_size"] = 336; }, Category::bad_input,
       "224, as the weights' shapes"},
      {"heads", [](auto& c) { c.config["num_attention_heads"] = 5; }, Category::bad_input, "a divisor of 48"},
      {"no square",
       [&](auto& c) {
         reshape(c, positions, {18, 48});
       },
       Category::bad_input, "square picture"},
      {"class alone",
       [&](auto& c) {
         reshape(c, positions, {1, 48});
       },
       Category::bad_input, "square picture"},
      {"huge patches",
       [](auto& c) {
         reshape(c, "vision_model.embeddings.patch_embedding.weight", {48, 3, 1 << 29, 1 << 29});
       },
       Category::bad_input, "at most 4096 pixels"},
      {"missing",
       [](auto& c) {
         std::erase_if(c.files[0].tensors, [](auto& t) { return t.name.ends_with("layers.1.mlp.fc2.bias"); });
       },
       Category::bad_input, "missing vision_model.encoder.layers.1.mlp.fc2.bias [48]"},
      {"a missing layer",
       [](auto& c) {
         std::erase_if(c.files[0].tensors,
                       [](auto& t) { return t.name.find(".layers.1.") != std::string::npos; });
       },
       Category::bad_input, "no block 1, but a block 2"},
      {"unexpected",
       [](auto& c) {
         c.files[0].tensors.push_back(
             {.name = "text_model.final_layer_norm.bias", .type = registry::ElementType::f16, .shape = {48}});
       },
       Category::bad_input, "unexpected text_model.final_layer_norm.bias"},
  };
  for (const RefusedClip& r : cases) {
    SCOPED_TRACE(r.name);
    registry::Component c = clip_component();
    r.change(c);
    try {
      bind_clip_vision(c);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), r.category) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(r.words));
    }
  }
}

}  // namespace
}  // namespace ditmill::models

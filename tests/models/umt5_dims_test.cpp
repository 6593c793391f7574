#include "models/text_encoders/umt5_dims.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::models {
namespace {

using testing::HasSubstr;

Umt5Dims tiny() {
  return {.vocabulary = 700, .dim = 48, .heads = 3, .head_dim = 24, .ffn_dim = 56, .layers = 2};
}

registry::Component component(const Shapes& shapes = umt5_shapes(tiny())) {
  registry::Component c;
  c.role = "text_encoder";
  c.label = "model/text_encoder";
  c.config_path = "model/text_encoder/config.json";
  c.config = {{"model_type", "umt5"},
              {"d_model", 48},
              {"num_heads", 3},
              {"d_kv", 24},
              {"d_ff", 56},
              {"num_layers", 2},
              {"vocab_size", 700},
              {"feed_forward_proj", "gated-gelu"},
              {"dropout_rate", 0.1},
              {"relative_attention_num_buckets", 32},
              {"scalable_attention", true}};
  c.files.emplace_back();
  for (const auto& [name, shape] : shapes) {
    c.files[0].tensors.push_back({.name = name, .type = registry::ElementType::bf16, .shape = shape});
  }
  return c;
}

TEST(Umt5Dims, ComeFromTheShapes) {
  registry::Component c = component();
  c.config = nlohmann::json::object();
  EXPECT_EQ(bind_umt5(c), to_json(tiny()));
}

TEST(Umt5Dims, TakeFromConfigWhatNoShapeSays) {
  registry::Component c = component();
  c.config["relative_attention_max_distance"] = 64;
  c.config["layer_norm_epsilon"] = 1e-5;
  const Umt5Dims dims = umt5_dims_from_json(bind_umt5(c));
  EXPECT_EQ(dims.max_distance, 64);
  EXPECT_EQ(dims.eps, 1e-5);
}

TEST(Umt5Dims, KnowTheEmbeddingByBothOfItsNames) {
  Shapes both = umt5_shapes(tiny());
  both["encoder.embed_tokens.weight"] = both["shared.weight"];
  EXPECT_EQ(bind_umt5(component(both)), to_json(tiny()));
  Shapes other = both;
  other.erase("shared.weight");
  EXPECT_EQ(bind_umt5(component(other)), to_json(tiny()));
  both["encoder.embed_tokens.weight"] = {700, 47};
  EXPECT_THROW(bind_umt5(component(both)), Error);
}

struct Refused {
  const char* name;
  std::function<void(registry::Component&)> change;
  Category category;
  const char* words;
};

void set_shape(registry::Component& c, const std::string& name, const std::vector<std::uint64_t>& shape) {
  for (auto& tensor : c.files[0].tensors) {
    if (tensor.name == name) tensor.shape = shape;
  }
}

TEST(Umt5Dims, RefuseContradictionsAndOtherMath) {
  const std::string attention = "encoder.block.1.layer.0.SelfAttention.";
  const Refused cases[] = {
      {"width", [](auto& c) { c.config["d_model"] = 64; }, Category::bad_input,
       "48, as the weights' shapes say, got 64"},
      {"heads", [](auto& c) { c.config["num_heads"] = 4; }, Category::bad_input, "num_heads"},
      {"layers", [](auto& c) { c.config["num_layers"] = 3; }, Category::bad_input, "num_layers"},
      {"activation", [](auto& c) { c.config["feed_forward_proj"] = "relu"; }, Category::unsupported,
       "gated-gelu"},
      {"t5", [](auto& c) { c.config["model_type"] = "t5"; }, Category::unsupported, "model_type"},
      {"eps", [](auto& c) { c.config["layer_norm_epsilon"] = "small"; }, Category::bad_input,
       "a number above 0"},
      {"distance", [](auto& c) { c.config["relative_attention_max_distance"] = 8; }, Category::bad_input,
       "distance 8"},
      {"missing tensor",
       [&](auto& c) {
         std::erase_if(c.files[0].tensors, [&](auto& t) { return t.name == attention + "o.weight"; });
       },
       Category::bad_input, "missing encoder.block.1.layer.0.SelfAttention.o.weight [48, 72]"},
      {"unexpected tensor",
       [](auto& c) {
         c.files[0].tensors.push_back(
             {.name = "lm_head.weight", .type = registry::ElementType::f32, .shape = {700, 48}});
       },
       Category::bad_input, "unexpected lm_head.weight"},
      {"other shape",
       [&](auto& c) {
         set_shape(c, attention + "q.weight", {48, 48});
       },
       Category::bad_input, "is [48, 48], not [72, 48]"},
      {"a bias in the first layer only",
       [&](auto& c) {
         std::erase_if(c.files[0].tensors,
                       [&](auto& t) { return t.name == attention + "relative_attention_bias.weight"; });
       },
       Category::bad_input, "missing"},
      {"one layer's heads that do not divide",
       [](auto& c) {
         set_shape(c, "encoder.block.0.layer.0.SelfAttention.q.weight", {71, 48});
       },
       Category::bad_input, "encoder.block.0.layer.0.SelfAttention.q.weight is [71, 48], not [72, 48]"},
      {"heads that do not divide",
       [](auto& c) {
         for (const char* name : {"q", "k", "v"})
           set_shape(c, "encoder.block.0.layer.0.SelfAttention." + std::string(name) + ".weight", {71, 48});
         set_shape(c, "encoder.block.0.layer.0.SelfAttention.o.weight", {48, 71});
       },
       Category::bad_input,
       "tells head_dim, as a UMT5 encoder has: encoder.block.0.layer.0.SelfAttention.q.weight "
       "[heads*head_dim, dim]"},
      {"a missing block",
       [](auto& c) {
         std::erase_if(c.files[0].tensors, [](auto& t) { return t.name.starts_with("encoder.block.0."); });
       },
       Category::bad_input, "no block 0, but a block 1"},
      {"no blocks",
       [](auto& c) {
         std::erase_if(c.files[0].tensors, [](auto& t) { return t.name.starts_with("encoder.block."); });
       },
       Category::bad_input, "encoder.block.0."},
      {"no embedding",
       [](auto& c) { std::erase_if(c.files[0].tensors, [](auto& t) { return t.name == "shared.weight"; }); },
       Category::bad_input, "encoder.embed_tokens.weight"},
      {"packed", [](auto& c) { c.files[0].tensors[3].type = registry::ElementType::f8_e4m3; },
       Category::unsupported, "F32, BF16 or F16"},
  };
  for (const Refused& r : cases) {
    SCOPED_TRACE(r.name);
    registry::Component c = component();
    r.change(c);
    try {
      bind_umt5(c);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), r.category);
      EXPECT_THAT(error.what(), HasSubstr(r.words));
    }
  }
}

}  // namespace
}  // namespace ditmill::models

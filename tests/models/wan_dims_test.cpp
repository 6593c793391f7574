#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "models/wan/dims.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models::wan {
namespace {

using registry::Component;
using registry::TensorInfo;
using ::testing::HasSubstr;

std::vector<TensorInfo>& tensors(Component& component) { return component.files[0].tensors; }

TensorInfo& tensor(Component& component, const std::string& name) {
  return *std::ranges::find(tensors(component), name, &TensorInfo::name);
}

void erase(Component& component, const std::string& name) {
  std::erase_if(tensors(component), [&](const TensorInfo& info) { return info.name == name; });
}

TEST(WanDims, ReadsSizesFromShapesAndHeadsFromTheConfig) {
  EXPECT_EQ(bind_dit(tiny_component()), tiny_dims());
}

TEST(WanDims, SurviveJson) {
  Dims dims = tiny_dims();
  dims.eps = 1e-5;
  dims.rope_max_seq_len = 77;
  EXPECT_EQ(dims_from_json(to_json(dims)), dims);
}

TEST(WanDims, ShapesAloneAreEnoughWhereTheWidthIsAMultipleOf128) {
  Dims dims = tiny_dims();
  dims.dim = 384;
  dims.head_dim = 128;
  Component component = tiny_component(dims);
  component.config = nlohmann::json::object();
  component.config_path.clear();
  EXPECT_EQ(bind_dit(component), dims);
}

TEST(WanDims, TensorsMayBeSpreadOverShards) {
  Component component = tiny_component();
  registry::WeightFile second = component.files[0];
  const auto middle = static_cast<std::ptrdiff_t>(tensors(component).size() / 2);
  second.tensors.erase(second.tensors.begin(), second.tensors.begin() + middle);
  tensors(component).resize(static_cast<std::size_t>(middle));
  component.files.push_back(second);
  EXPECT_EQ(bind_dit(component), tiny_dims());
}

struct HeadsCase {
  const char* name;
  nlohmann::json config;
  nlohmann::json entry;
  std::int64_t heads;
};

class Heads : public ::testing::TestWithParam<HeadsCase> {};

TEST_P(Heads, ComeFromTheFirstThatSaysThem) {
  Component component = tiny_component();
  component.config = GetParam().config;
  component.identity.hyper_parameters = GetParam().entry;
  EXPECT_EQ(bind_dit(component).heads, GetParam().heads);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Heads,
    ::testing::Values(
        HeadsCase{"BothFields", {{"num_attention_heads", 3}, {"attention_head_dim", 40}}, {{"heads", 6}}, 3},
        HeadsCase{"CountAlone", {{"num_attention_heads", 5}}, nlohmann::json::object(), 5},
        HeadsCase{"WidthAlone", {{"attention_head_dim", 20}}, nlohmann::json::object(), 6},
        HeadsCase{"OfficialField", {{"num_heads", 10}}, nlohmann::json::object(), 10},
        HeadsCase{"CatalogEntry", nlohmann::json::object(), {{"heads", 6}}, 6}),
    [](const auto& info) { return info.param.name; });

struct Refusal {
  const char* name;
  std::function<void(Component&)> change;
  Category category;
  std::vector<std::string> words;
};

class RefusedDit : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedDit, NamesWhatIsWrong) {
  Component component = tiny_component();
  GetParam().change(component);
  try {
    bind_dit(component);
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_EQ(name(error.category()), name(GetParam().category)) << error.what();
    for (const std::string& word : GetParam().words) EXPECT_THAT(error.what(), HasSubstr(word));
  }
}

std::function<void(Component&)> config(const char* field, const nlohmann::json& value) {
  return [=](Component& c) { c.config[field] = value; };
}

constexpr const char* config_file = "model/transformer/config.json";

INSTANTIATE_TEST_SUITE_P(
    OtherMath, RefusedDit,
    ::testing::Values(
        Refusal{"QkNorm",
                config("qk_norm", "layer_norm"),
                Category::unsupported,
                {config_file, "qk_norm", "rms_norm_across_heads", "layer_norm"}},
        Refusal{"QkNormNull", config("qk_norm", nullptr), Category::unsupported, {"qk_norm", "null"}},
        Refusal{"CrossAttentionNorm",
                config("cross_attn_norm", false),
                Category::unsupported,
                {"cross_attn_norm"}},
        Refusal{"ImageDim", config("image_dim", 1280), Category::unsupported, {"image_dim", "1280"}},
        Refusal{"AddedKv", config("added_kv_proj_dim", 5120), Category::unsupported, {"added_kv_proj_dim"}},
        Refusal{"PositionEmbedding",
                config("pos_embed_seq_len", 514),
                Category::unsupported,
                {"pos_embed_seq_len"}},
        Refusal{
            "PatchSize", config("patch_size", {1, 4, 4}), Category::unsupported, {"patch_size", "[1,4,4]"}},
        Refusal{"UnknownField", config("window_size", {-1, -1}), Category::unsupported, {"window_size"}},
        Refusal{"MisspeltField", config("num_layer", 2), Category::unsupported, {"num_layer", "num_layers?"}},
        Refusal{"DiffusersFieldInTheOfficialLayout",
                [](Component& c) {
                  c.identity.layout = "official";
                  c.config = {{"attention_head_dim", 40}};
                },
                Category::unsupported,
                {"attention_head_dim"}},
        Refusal{"ImageToVideoInTheOfficialLayout",
                [](Component& c) {
                  c.identity.layout = "official";
                  c.config = {{"model_type", "i2v"}};
                },
                Category::unsupported,
                {"model_type", "t2v"}},
        Refusal{"OtherWidthInTheOfficialLayout",
                [](Component& c) {
                  c.identity.layout = "official";
                  c.config = {{"dim", 4096}};
                },
                Category::bad_input,
                {"dim", "4096"}},
        Refusal{"Vace",
                [](Component& c) {
                  tensors(c).push_back({.name = "vace_patch_embedding.bias",
                                        .type = registry::ElementType::f32,
                                        .shape = {120}});
                },
                Category::unsupported,
                {"vace_patch_embedding", "VACE"}},
        Refusal{"Integers",
                [](Component& c) { tensor(c, "proj_out.bias").type = registry::ElementType::i8; },
                Category::unsupported,
                {"proj_out.bias", "I8"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Contradictions, RefusedDit,
    ::testing::Values(
        Refusal{
            "Layers", config("num_layers", 3), Category::bad_input, {config_file, "num_layers", "2", "3"}},
        Refusal{"FfnDim", config("ffn_dim", 201), Category::bad_input, {"ffn_dim", "200", "201"}},
        Refusal{"TextDim", config("text_dim", 4096), Category::bad_input, {"text_dim", "48"}},
        Refusal{"FreqDim", config("freq_dim", 256), Category::bad_input, {"freq_dim", "64"}},
        Refusal{"InChannels", config("in_channels", 36), Category::bad_input, {"in_channels", "16", "36"}},
        Refusal{"OutChannels", config("out_channels", 48), Category::bad_input, {"out_channels"}},
        Refusal{"HeadCount",
                config("num_attention_heads", 6),
                Category::bad_input,
                {"num_attention_heads", "3", "6"}},
        Refusal{"HeadsThatDoNotDivide",
                config("num_attention_heads", 7),
                Category::bad_input,
                {"num_attention_heads", "divisor of 120", "7"}},
        Refusal{"HeadWidth", config("attention_head_dim", 128), Category::bad_input, {"attention_head_dim"}},
        Refusal{"OfficialHeads", config("num_heads", 4), Category::bad_input, {"num_heads", "3", "4"}},
        Refusal{"TextForANumber",
                config("num_layers", "2"),
                Category::bad_input,
                {"num_layers", "2, as the weights"}},
        Refusal{"NegativeNumber",
                config("rope_max_seq_len", -200),
                Category::bad_input,
                {"rope_max_seq_len", "-200"}},
        Refusal{"EpsTooLarge", config("eps", 1), Category::bad_input, {"eps", "between 0 and 1"}},
        Refusal{"EpsText", config("eps", "tiny"), Category::bad_input, {"eps"}},
        Refusal{"NoHeads",
                [](Component& c) { c.config = nlohmann::json::object(); },
                Category::bad_input,
                {"num_attention_heads", "hyper_parameters.heads", "128", "120"}},
        Refusal{"CatalogHeads",
                [](Component& c) {
                  c.config = nlohmann::json::object();
                  c.identity.hyper_parameters = {{"heads", 7}};
                },
                Category::bad_input,
                {"hyper_parameters.heads", "7"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Tensors, RefusedDit,
    ::testing::Values(
        Refusal{
            "None", [](Component& c) { c.files.clear(); }, Category::bad_input, {"patch_embedding.weight"}},
        Refusal{"Missing",
                [](Component& c) { erase(c, "blocks.1.attn2.norm_q.weight"); },
                Category::bad_input,
                {"missing blocks.1.attn2.norm_q.weight [120]"}},
        Refusal{"Unexpected",
                [](Component& c) {
                  tensors(c).push_back(
                      {.name = "blocks.0.extra", .type = registry::ElementType::f32, .shape = {9}});
                },
                Category::bad_input,
                {"unexpected blocks.0.extra [9]"}},
        Refusal{"Misshapen",
                [](Component& c) {
                  tensor(c, "blocks.0.attn1.to_k.weight").shape = {120, 119};
                },
                Category::bad_input,
                {"blocks.0.attn1.to_k.weight is [120, 119], not [120, 120]"}},
        Refusal{"Gap",
                [](Component& c) {
                  for (TensorInfo& info : tensors(c)) {
                    if (info.name.starts_with("blocks.1.")) info.name.replace(7, 1, "2");
                  }
                },
                Category::bad_input,
                {"no block 1", "a block 2"}},
        Refusal{"BlockNumberThatOverflows",
                [](Component& c) {
                  tensors(c).push_back({.name = "blocks.99999999999999999999999.norm2.bias",
                                        .type = registry::ElementType::f32,
                                        .shape = {120}});
                },
                Category::bad_input,
                {"unexpected blocks.99999999999999999999999.norm2.bias"}},
        Refusal{"NoChannels",
                [](Component& c) {
                  tensor(c, "patch_embedding.weight").shape = {0, 16, 1, 2, 2};
                },
                Category::bad_input,
                {"patch_embedding.weight", "[0, 16, 1, 2, 2]"}},
        Refusal{"HugeDimension",
                [](Component& c) {
                  tensor(c, "patch_embedding.weight").shape = {std::uint64_t{1} << 63, 0, 1, 2, 2};
                },
                Category::bad_input,
                {"patch_embedding.weight"}},
        Refusal{"EveryRowOdd",
                [](Component& c) {
                  tensor(c, "proj_out.weight").shape = {63, 120};
                  tensor(c, "proj_out.bias").shape = {63};
                },
                Category::bad_input,
                {"tells out_channels", "proj_out.weight [4*out_channels, dim]", "proj_out.weight [63, 120]"}},
        Refusal{"OddRows",
                [](Component& c) {
                  tensor(c, "proj_out.weight").shape = {63, 120};
                },
                Category::bad_input,
                {"proj_out.weight", "63"}}),
    [](const auto& info) { return info.param.name; });

TEST(WanDims, TakesTheConfigurationOfTheOfficialLayout) {
  Component component = tiny_component();
  component.identity.layout = "official";
  component.config = {{"_class_name", "WanModel"},
                      {"dim", 120},
                      {"eps", 1e-6},
                      {"ffn_dim", tiny_dims().ffn_dim},
                      {"freq_dim", tiny_dims().freq_dim},
                      {"in_dim", 16},
                      {"model_type", "t2v"},
                      {"num_heads", 3},
                      {"num_layers", tiny_dims().layers},
                      {"out_dim", 16},
                      {"text_len", 512},
                      {"qk_norm", true}};
  EXPECT_EQ(bind_dit(component), tiny_dims());
}

TEST(WanDims, TellPicturesByTheShapes) {
  for (const bool first_and_last : {false, true}) {
    Dims dims = picture_dims(first_and_last);
    EXPECT_EQ(bind_dit(tiny_component(dims)), dims);
    EXPECT_EQ(dims_from_json(to_json(dims)), dims);
    dims.norm_added_q = true;
    EXPECT_EQ(bind_dit(tiny_component(dims)), dims) << "a norm that nothing uses";
  }
  for (const char* field : {"image_dim", "image_tokens", "norm_added_q"})
    EXPECT_FALSE(to_json(tiny_dims()).contains(field)) << "what others are told must not change";
}

TEST(WanDims, TakeWanOwnNamesForModelsOfPictures) {
  struct Case {
    Dims dims;
    const char* type = nullptr;
  };
  Dims two_experts = picture_dims();
  two_experts.image_dim = 0;  // A14B, which looks at no picture
  for (const Case& each :
       {Case{picture_dims(), "i2v"}, Case{picture_dims(true), "flf2v"}, Case{two_experts, "i2v"}}) {
    Component component = tiny_component(each.dims);
    component.identity.layout = "official";
    component.config = {{"model_type", each.type}, {"num_heads", 3}, {"in_dim", 36}, {"out_dim", 16}};
    EXPECT_EQ(bind_dit(component), each.dims) << each.type;
    component.config["model_type"] = "t2v";
    EXPECT_THROW(bind_dit(component), Error) << each.type;
  }
}

TEST(WanDims, RefusePicturesThatConfigAndShapesTellDifferently) {
  struct Case {
    std::function<void(Component&)> change;
    const char* words;
  };
  const Case cases[] = {
      {config("image_dim", 1280), "image_dim): expected 26"},
      {config("added_kv_proj_dim", 60), "added_kv_proj_dim): expected 120"},
      {config("pos_embed_seq_len", 514), "pos_embed_seq_len): expected 10"},
      {[](Component& c) { erase(c, "blocks.1.attn2.add_v_proj.bias"); },
       "missing blocks.1.attn2.add_v_proj.bias"},
      {[](Component& c) { erase(c, "condition_embedder.image_embedder.norm1.weight"); }, "image_dim"},
  };
  for (const Case& each : cases) {
    Component component = tiny_component(picture_dims(true));
    each.change(component);
    try {
      bind_dit(component);
      ADD_FAILURE() << each.words << " was taken";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(each.words));
    }
  }
}

TEST(WanDims, RefusesAnOddHeadWidth) {
  Dims dims = tiny_dims();
  dims.dim = 75;
  dims.head_dim = 25;
  EXPECT_THROW(bind_dit(tiny_component(dims)), Error);
}

TEST(WanDims, PrintsAtMostAHundredWrongTensors) {
  Component component = tiny_component();
  for (int i = 100; i < 204; ++i) {
    tensors(component).push_back(
        {.name = "lora." + std::to_string(i), .type = registry::ElementType::f32, .shape = {1}});
  }
  try {
    bind_dit(component);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("lora.199 [1]; and 4 more"));
  }
}

}  // namespace
}  // namespace ditmill::models::wan

#include "registry/identity/diffusers/cascade.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/identity/diffusers/cascade_rules.h"
#include "registry/identity/diffusers/corrections.h"

namespace ditmill::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Header = std::map<std::string, std::vector<std::uint64_t>>;

ShapeTable table_of(const Header& header) {
  std::vector<NamedShape> shapes;
  for (const auto& [name, shape] : header) shapes.push_back({name, shape});
  return ShapeTable{shapes};
}

std::vector<std::string_view> names_of(const std::vector<const DiffusersType*>& types) {
  std::vector<std::string_view> names;
  for (const DiffusersType* type : types) names.push_back(type->name);
  return names;
}

std::vector<std::string_view> taken_for(const Header& header, const AllZero& reads = {}) {
  return names_of(diffusers_type(table_of(header), "header", reads));
}

/// Family, role and types of the corrected answer; nothing if there is none.
using Corrected = std::tuple<std::string_view, std::string_view, std::vector<std::string_view>>;
std::optional<Corrected> corrected(const Header& header) {
  const std::optional<CorrectedType> found = corrected_type(table_of(header), "header");
  if (!found) return std::nullopt;
  return Corrected{found->family, found->role, names_of(found->types)};
}

TEST(Cascade, AnswersTheCasesOfTheFactSheet) {
  std::ifstream file{DITMILL_TEST_DATA "/diffusers_detect_cases.json"};
  const nlohmann::json cases = nlohmann::json::parse(file).at("cases");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::json& one : cases) {
    const std::string name = one.at("name");
    SCOPED_TRACE(name);
    const auto header = one.at("tensors").get<Header>();
    const AllZero reads = [&](std::string_view) { return name.find("non-zero") == std::string::npos; };
    if (one.contains("error")) {
      try {
        taken_for(header, reads);
        ADD_FAILURE() << "no error";
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(one.at("error").get<std::string>()));
        EXPECT_EQ(exit_code(error.category()), 1);
      }
    } else {
      EXPECT_THAT(taken_for(header, reads), ElementsAre(one.at("type").get<std::string>()));
    }
  }
}

TEST(Cascade, LeavesOpenWhatOnlyValuesTell) {
  const Header header{{"control_layers.14.adaLN_modulation.0.weight", {1, 1}},
                      {"control_noise_refiner.0.before_proj.weight", {4, 4}}};
  EXPECT_THAT(taken_for(header), ElementsAre("z-image-turbo-controlnet-2.0", "z-image-turbo-controlnet-2.1"));
  std::string read;
  const auto zero = [&read](std::string_view tensor) {
    read = tensor;
    return true;
  };
  EXPECT_THAT(taken_for(header, zero), ElementsAre("z-image-turbo-controlnet-2.0"));
  EXPECT_EQ(read, "control_noise_refiner.0.before_proj.weight");
  EXPECT_THAT(taken_for(header, [](std::string_view) { return false; }),
              ElementsAre("z-image-turbo-controlnet-2.1"));
}

TEST(Cascade, NamesWhatIsMissing) {
  const struct {
    Header header;
    Category category;
    std::vector<std::string> words;
  } rows[] = {
      {{{"head.modulation", {1, 2, 8}}},
       Category::bad_input,
       {"tensor patch_embedding.weight", "KeyError", "header"}},
      {{{"model.diffusion_model.head.modulation", {1}},
        {"model.diffusion_model.patch_embedding.weight", {5120}}},
       Category::bad_input,
       {"tensor model.diffusion_model.patch_embedding.weight", "expected 2 dimensions, got [5120]",
        "IndexError"}},
      {{{"joint_blocks.0.context_block.adaLN_modulation.1.bias", {}}},
       Category::bad_input,
       {"expected a dimension, got []", "IndexError"}},
      {{{"joint_blocks.0.context_block.adaLN_modulation.1.bias", {9216}}, {"pos_embed", {1, 100, 1536}}},
       Category::unknown_model,
       {"tensor pos_embed", "36864 or 147456 as dimension 1", "[1, 100, 1536]", "UnboundLocalError"}},
      {{{"net.x_embedder.proj.1.weight", {2048, 70}},
        {"net.blocks.0.self_attn.q_proj.weight", {1}},
        {"net.pos_embedder.dim_spatial_range", {1}}},
       Category::unknown_model,
       {"68 or 72 as dimension 1", "[2048, 70]", "ValueError"}},
  };
  for (const auto& [header, category, words] : rows) {
    SCOPED_TRACE(words.front());
    try {
      taken_for(header);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), category);
      for (const std::string& word : words) EXPECT_THAT(error.what(), HasSubstr(word));
    }
  }
}

TEST(Cascade, HasATypeForEachRuleAndNestsByOne) {
  int depth = 0;
  bool nest = false;
  for (const cascade::CascadeRule& rule : cascade::rules) {
    EXPECT_EQ(rule.depth == depth + 1, nest) << rule.type;
    EXPECT_LE(rule.depth, depth + 1);
    depth = rule.depth;
    nest = rule.type.empty();
    EXPECT_TRUE(nest || diffusers_type_named(rule.type) != nullptr) << rule.type;
  }
  EXPECT_FALSE(nest);
  EXPECT_EQ(cascade::rules.back().type, "v1");
}

TEST(Cascade, IsNotFollowedWhereItIsWrong) {
  const Header wan_14b{{"head.modulation", {1, 2, 5120}}, {"patch_embedding.weight", {5120, 36, 1, 2, 2}}};
  const auto with = [](Header header, const Header& more) {
    header.insert(more.begin(), more.end());
    return header;
  };
  const std::vector<std::string_view> none;
  const auto family = [&](std::string_view name, std::string_view role = "dit") {
    return Corrected{name, role, none};
  };
  const struct {
    const char* name;
    Header header;
    std::optional<Corrected> answer;
  } rows[] = {
      {"anything", {{"foo.weight", {1}}}, std::nullopt},
      {"Stable Diffusion 1",
       {{"model.diffusion_model.output_blocks.11.0.skip_connection.weight", {320, 640, 1, 1}}},
       Corrected{"stable-diffusion", "dit", {"v1"}}},
      {"what diffusers breaks off at", {{"head.modulation", {1}}}, std::nullopt},
      {"TI2V-5B",
       {{"model.diffusion_model.head.modulation", {1}},
        {"model.diffusion_model.patch_embedding.weight", {3072, 48, 1, 2, 2}}},
       family("wan")},
      {"I2V 14B", with(wan_14b, {{"img_emb.proj.0.weight", {1280}}}),
       Corrected{"wan", "dit", {"wan-i2v-14B"}}},
      {"I2V-A14B", wan_14b, family("wan")},
      {"FLF2V", with(wan_14b, {{"img_emb.proj.0.weight", {1280}}, {"img_emb.emb_pos", {1, 514, 1280}}}),
       family("wan")},
      {"1.3B with a picture's channels",
       {{"head.modulation", {1}}, {"patch_embedding.weight", {1536, 36, 1, 2, 2}}},
       family("wan")},
      {"1.3B",
       {{"head.modulation", {1}}, {"patch_embedding.weight", {1536, 16, 1, 2, 2}}},
       Corrected{"wan", "dit", {"wan-t2v-1.3B"}}},
      {"SkyReels-V2",
       {{"head.modulation", {1}},
        {"patch_embedding.weight", {1536, 16, 1, 2, 2}},
        {"fps_embedding.weight", {2, 1536}}},
       family("wan")},
      {"a VAE of Wan's layout",
       {{"decoder.middle.0.residual.0.gamma", {384, 1, 1, 1}}},
       family("wan", "vae")},
      {"LTX-2",
       {{"model.diffusion_model.patchify_proj.weight", {4096, 128}},
        {"model.diffusion_model.transformer_blocks.47.scale_shift_table", {6, 4096}},
        {"model.diffusion_model.av_ca_a2v_gate_adaln_single.emb.timestep_embedder.linear_1.weight", {1, 1}}},
       Corrected{"ltx-2", "dit", {"ltx2-dev"}}},
      {"LTX-Video 13B",
       {{"patchify_proj.weight", {4096, 128}}, {"transformer_blocks.47.scale_shift_table", {6, 4096}}},
       Corrected{"ltx-video", "dit", {"ltx-video-0.9.7"}}},
      {"SparseCtrl with scribbles",
       {{"controlnet_cond_embedding.conv_in.weight", {16, 3, 3, 3}},
        {"down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_"
         "encoder.pe",
         {1, 32, 320}}},
       Corrected{"animatediff", "", {"animatediff_scribble"}}},
      {"HunyuanVideo 1.5",
       {{"txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias", {1}},
        {"byt5_in.fc1.weight", {1}}},
       family("hunyuan-video")},
      {"PixArt",
       {{"blocks.0.cross_attn.q_linear.weight", {1152, 1152}}, {"blocks.0.mlp.fc1.weight", {4608, 1152}}},
       std::nullopt},
      {"FLUX.2-klein", {{"single_stream_modulation.lin.weight", {12288, 4096}}}, family("flux-2")},
      {"FLUX.2-dev",
       {{"single_stream_modulation.lin.weight", {18432, 6144}}},
       Corrected{"flux-2", "dit", {"flux-2-dev"}}},
  };
  for (const auto& row : rows) EXPECT_EQ(corrected(row.header), row.answer) << row.name;
}

}  // namespace
}  // namespace ditmill::registry

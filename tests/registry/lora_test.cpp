#include "registry/identity/lora.h"

#include <gmock/gmock.h>

#include "registry/identity/packed.h"

namespace ditmill::registry {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

using Tensors = std::vector<std::pair<std::string, std::vector<std::uint64_t>>>;

LoraFacts facts_of(const Tensors& tensors) {
  std::vector<NamedShape> views;
  for (const auto& [name, shape] : tensors) views.push_back({name, shape});
  return lora_facts(views, Catalog::built_in());
}

/// A pair of factors of a weight [out, in].
void add(Tensors& tensors, const std::string& module, const std::string& down, const std::string& up,
         std::uint64_t out, std::uint64_t in, std::uint64_t rank = 32) {
  tensors.emplace_back(module + down, std::vector<std::uint64_t>{rank, in});
  tensors.emplace_back(module + up, std::vector<std::uint64_t>{out, rank});
}

TEST(Lora, TellsStyleRankAndTargets) {
  const struct {
    const char* style;
    const char* prefix;
    const char* down;
    const char* up;
  } rows[] = {{"diffusers", "transformer.", ".lora_A.weight", ".lora_B.weight"},
              {"peft", "base_model.model.", ".lora_A.default.weight", ".lora_B.default.weight"},
              {"comfyui", "diffusion_model.", ".lora_A.weight", ".lora_B.weight"},
              {"lightx2v", "diffusion_model.", ".lora_down.weight", ".lora_up.weight"},
              {"diffsynth", "", ".lora_A.default.weight", ".lora_B.default.weight"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.style);
    Tensors tensors;
    for (const char* block : {"0", "29"}) {
      const std::string module = std::string{row.prefix} + "blocks." + block + ".self_attn.q";
      add(tensors, module, row.down, row.up, 1536, 1536);
    }
    add(tensors, std::string{row.prefix} + "blocks.3.ffn.0", row.down, row.up, 8960, 1536);
    tensors.emplace_back(std::string{row.prefix} + "blocks.3.ffn.0.alpha", std::vector<std::uint64_t>{});
    const LoraFacts facts = facts_of(tensors);
    EXPECT_EQ(facts.style, row.style);
    EXPECT_THAT(facts.ranks, ElementsAre(32));
    EXPECT_THAT(facts.targets, ElementsAre("blocks.*.ffn.0", "blocks.*.self_attn.q"));
    EXPECT_THAT(facts.bases, Contains("wan2.1-t2v-1.3b"));
    EXPECT_THAT(facts.bases, Not(Contains("wan2.1-t2v-14b")));
  }
}

TEST(Lora, ReadsKohyasUnderscores) {
  Tensors tensors;
  add(tensors, "lora_unet_blocks_39_cross_attn_k_img", ".lora_down.weight", ".lora_up.weight", 5120, 5120,
      16);
  add(tensors, "lora_unet_blocks_0_ffn_2", ".lora_down.weight", ".lora_up.weight", 5120, 13824, 8);
  const LoraFacts facts = facts_of(tensors);
  EXPECT_EQ(facts.style, "kohya");
  EXPECT_THAT(facts.ranks, ElementsAre(8, 16));
  EXPECT_THAT(facts.targets, ElementsAre("blocks_*_cross_attn_k_img", "blocks_*_ffn_2"));
  EXPECT_THAT(facts.bases, Contains("wan2.1-i2v-14b-480p"));
  EXPECT_THAT(facts.bases, Not(Contains("wan2.1-t2v-14b"))) << "it has no picture's keys";
}

TEST(Lora, OfSomethingElseHasNoBase) {
  Tensors tensors;
  add(tensors, "unet.mid.0", ".lora_A.weight", ".lora_B.weight", 320, 320);
  EXPECT_THAT(facts_of(tensors).bases, IsEmpty());
  EXPECT_THAT(facts_of({}).ranks, IsEmpty());
  EXPECT_EQ(facts_of({{"x.hada_w1_a", {4, 4}}}).style, "lycoris");
}

Component component_of(const std::vector<TensorInfo>& tensors) {
  Component component;
  component.files.emplace_back();
  component.files.front().tensors = tensors;
  return component;
}

TEST(Fp8Kind, IsToldByTheScales) {
  const TensorInfo weight{.name = "q.weight", .type = ElementType::f8_e4m3, .shape = {4, 3}};
  EXPECT_EQ(fp8_kind(component_of({weight})), "fp8-plain");
  EXPECT_EQ(
      fp8_kind(component_of({weight, {.name = "q.weight_scale", .type = ElementType::f32, .shape = {4, 1}}})),
      "fp8-channel");
  EXPECT_EQ(
      fp8_kind(component_of({weight, {.name = "q.scale_weight", .type = ElementType::f32, .shape = {}}})),
      "fp8-tensor");
  EXPECT_EQ(fp8_kind(component_of({{.name = "q.weight", .type = ElementType::bf16, .shape = {4, 3}}})), "");
}

}  // namespace
}  // namespace ditmill::registry

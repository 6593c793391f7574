#include "registry/components/bound_tensors.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "registry/identity/catalog.h"

namespace ditmill::registry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* catalog_file = R"(
architectures:
  - name: small
    family: mine
    role: text_encoder
    optional:
      table.weight: [words, dim]
      copy.weight: [words, dim]
    tensors:
      layers.{layers}.self_attn.q.weight: [dim, dim]
      layers.{layers}.self_attn.attn.k_scale: [1]
      norm.weight: [dim]
    layouts:
      - layout: diffusers
        config: {hidden: $dim, depth: $layers, half: $dim/two}
        marks: [norm.weight, 'layers.{layers}.self_attn.q.weight']
        names:
          extra: null
families:
  - name: mine
    tokenizer: {class: [transformers, T], files: [spiece.model], diffusers: tokenizer, official: [t]}
    slots:
      - name: text_encoder
        role: text_encoder
        what: text encoder
        required: true
        accepts:
          - architecture: small
            class: [transformers, SmallModel]
            diffusers: {file: model.safetensors}
            official: {file: small.pth}
    settings: []
    models: []
)";

class BoundTensorsTest : public testing::Test {
 protected:
  BoundTensorsTest() {
    catalog_.add_text(catalog_file, "small.yaml");
    layout_ = catalog_.layout_of("mine", "text_encoder", "diffusers");
    add("layers.0.self_attn.q.weight", {4, 4});
    add("layers.1.self_attn.q.weight", {4, 4});
    add("norm.weight", {4});
    add("table.weight", {9, 4});
    add("layers.0.self_attn.attn.k_scale", {1});
    add("layers.1.self_attn.attn.k_scale", {1});
  }

  void add(const std::string& name, std::vector<std::uint64_t> shape, ElementType type = ElementType::bf16) {
    if (component_.files.empty()) component_.files.emplace_back();
    component_.files.front().tensors.push_back({.name = name, .type = type, .shape = std::move(shape)});
  }
  void drop(const std::string& name) {
    std::erase_if(component_.files.front().tensors,
                  [&](const TensorInfo& each) { return each.name == name; });
  }
  BoundTensors bind() {
    return bind_tensors(component_, *layout_, sizes_of(component_, *layout_), component_type("text_encoder"));
  }

  Catalog catalog_ = Catalog::built_in();
  const Layout* layout_ = nullptr;
  Component component_;
};

TEST_F(BoundTensorsTest, TakesAllThatIsStated) {
  const BoundTensors bound = bind();
  EXPECT_EQ(bound.bound, 6U);
  EXPECT_THAT(bound.missing, IsEmpty());
  EXPECT_THAT(bound.unexpected, IsEmpty());
  EXPECT_THAT(bound.one_of, IsEmpty());
}

TEST_F(BoundTensorsTest, KnowsScalesOfKeysByAllTheirNames) {
  drop("layers.0.self_attn.attn.k_scale");
  drop("layers.1.self_attn.attn.k_scale");
  add("layers.0.self_attn.kv_scale", {1});
  add("layers.1.self_attn.k_proj.k_scale", {1});
  add("layers.1.self_attn.v_proj.v_scale", {1});
  const BoundTensors bound = bind();
  EXPECT_EQ(bound.bound, 6U);
  EXPECT_THAT(bound.missing, IsEmpty());
  EXPECT_THAT(bound.passed_over, ElementsAre("layers.1.self_attn.v_proj.v_scale"));
}

TEST_F(BoundTensorsTest, TellsWhatIsThereAndNotUsedFromWhatIsNotKnown) {
  add("extra.weight", {4});
  add("lm_head.weight", {9, 4});
  add("other.weight", {4});
  const BoundTensors bound = bind();
  EXPECT_THAT(bound.passed_over, ElementsAre("extra.weight", "lm_head.weight"));
  EXPECT_THAT(bound.unexpected, ElementsAre("other.weight"));
}

TEST_F(BoundTensorsTest, CountsTheLayersThatConfigSays) {
  component_.config = {{"depth", 3}, {"hidden", 4}};
  EXPECT_THAT(bind().missing, ElementsAre("layers.2.self_attn.attn.k_scale", "layers.2.self_attn.q.weight"));
  EXPECT_THAT(config_contradictions(component_, *layout_),
              ElementsAre("config.json says depth 3, its tensors say 2"));
  component_.config = {{"depth", 1}, {"hidden", "4"}};
  EXPECT_THAT(bind().unexpected, ElementsAre("layers.1.self_attn.q.weight"));
  EXPECT_THAT(bind().passed_over, ElementsAre("layers.1.self_attn.attn.k_scale"));
}

TEST_F(BoundTensorsTest, NeedsOneOfThoseThatAreThereOrNot) {
  drop("table.weight");
  EXPECT_THAT(bind().one_of, ElementsAre("copy.weight", "table.weight"));
}

TEST_F(BoundTensorsTest, PutsScalesBesideTheirWeights) {
  add("layers.0.self_attn.q.weight_scale", {4, 1}, ElementType::f32);
  add("nowhere.weight_scale", {4, 1}, ElementType::f32);
  for (TensorInfo& each : component_.files.front().tensors) {
    if (each.name.ends_with(".q.weight")) each.type = ElementType::f8_e4m3;
  }
  const BoundTensors bound = bind();
  EXPECT_THAT(bound.scales, ElementsAre("layers.0.self_attn.q.weight_scale"));
  EXPECT_THAT(bound.unscaled, ElementsAre("layers.1.self_attn.q.weight"));
  EXPECT_THAT(bound.unexpected, ElementsAre("nowhere.weight_scale"));
}

TEST_F(BoundTensorsTest, RefusesAScaleOfAnotherSizeThanItsWeight) {
  add("layers.0.self_attn.q.weight_scale", {3}, ElementType::f32);
  const BoundTensors bound = bind();
  ASSERT_EQ(bound.misshapen.size(), 1U);
  EXPECT_THAT(bound.misshapen.front().got, ElementsAre(3));
}

TEST_F(BoundTensorsTest, FindsTheLayoutOfAClassWhereMarksAreGone) {
  drop("norm.weight");
  EXPECT_EQ(layout_by_class(component_, catalog_, "SmallModel"), layout_);
  EXPECT_EQ(layout_by_class(component_, catalog_, "OtherModel"), nullptr);
  for (int i = 0; i < 9; ++i) add("stranger." + std::to_string(i), {1});
  EXPECT_EQ(layout_by_class(component_, catalog_, "SmallModel"), nullptr);
}

}  // namespace
}  // namespace ditmill::registry

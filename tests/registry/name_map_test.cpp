#include "registry/identity/name_map.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "registry/identity/catalog.h"
#include "tests/registry/key_lists.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;

Component component_of(const std::vector<std::pair<std::string, std::vector<std::uint64_t>>>& tensors) {
  Component component;
  component.label = "model/dit";
  component.files.emplace_back();
  for (const auto& [name, shape] : tensors) {
    component.files[0].tensors.push_back({.name = name, .type = ElementType::bf16, .shape = shape});
  }
  return component;
}

Component official(const std::string& list) {
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors;
  for (const auto& [name, shape] : tests::key_list(list)) tensors.emplace_back(name, shape);
  return component_of(tensors);
}

Layout layout_of(std::string_view role, std::string_view layout) {
  const Catalog catalog = Catalog::built_in();
  for (const Layout& each : catalog.layouts()) {
    if (each.role == role && each.layout == layout) return each;
  }
  ADD_FAILURE() << "no layout " << layout << " of a " << role;
  return {};
}

/// The rules of a catalog's text.
Layout rules(const std::string& names) {
  Catalog catalog;
  catalog.add_text(
      "layouts:\n  - {family: wan, role: dit, layout: official, marks: [a], tensors: {a: [1]}, names: [" +
          names + "]}\nentries: []\n",
      "test.yaml");
  return catalog.layouts().front();
}

const std::string q_k_v = R"({from: '^q$', to: 'qkv', parts: 3, part: 0, dim: 0},)"
                          R"({from: '^k$', to: 'qkv', parts: 3, part: 1, dim: 0},)"
                          R"({from: '^v$', to: 'qkv', parts: 3, part: 2, dim: 0})";

TEST(NameMap, GivesTheOfficialTransformersTheNamesOfDiffusers) {
  for (const std::string size : {"1.3b", "14b"}) {
    const std::vector<NamedTensor> named =
        name_tensors(official("wan2.1-t2v-" + size + "-official"), layout_of("dit", "official"));
    std::set<std::pair<std::string, std::vector<std::uint64_t>>> got;
    for (const NamedTensor& tensor : named) got.emplace(tensor.name, tensor.shape);
    std::set<std::pair<std::string, std::vector<std::uint64_t>>> want;
    for (const auto& [name, shape] : tests::key_list("wan2.1-t2v-" + size + "-diffusers"))
      want.emplace(name, shape);
    EXPECT_EQ(got, want);
    EXPECT_EQ(named.size(), want.size());
  }
}

TEST(NameMap, LeavesTheLayersOwnNamesAlone) {
  EXPECT_TRUE(name_tensors(official("wan2.1-t2v-1.3b-diffusers"), layout_of("dit", "diffusers")).empty());
}

TEST(NameMap, GivesTheOfficialEncoderAndVaeTheShapesOfTheirLayouts) {
  struct Case {
    const char* role;
    const char* list;
    nlohmann::json hyper_parameters;
  };
  const Case cases[] = {{"text_encoder",
                         "umt5-xxl-official",
                         {{"vocab", 256384},
                          {"dim", 4096},
                          {"ffn", 10240},
                          {"heads", 64},
                          {"head_dim", 64},
                          {"layers", 24},
                          {"buckets", 32}}},
                        {"vae", "wan2.1-vae-official", {{"base_dim", 96}, {"z_dim", 16}}}};
  for (const Case& each : cases) {
    std::map<std::string, std::vector<std::uint64_t>> want;
    const auto expected = expand(layout_of(each.role, "diffusers"), each.hyper_parameters);
    ASSERT_TRUE(expected);
    for (const ExpectedTensor& tensor : *expected) {
      if (!tensor.optional || tensor.name == "shared.weight") want.emplace(tensor.name, tensor.shape);
    }
    std::map<std::string, std::vector<std::uint64_t>> got;
    for (const NamedTensor& tensor : name_tensors(official(each.list), layout_of(each.role, "official"))) {
      got.emplace(tensor.name, tensor.shape);
    }
    EXPECT_EQ(got, want) << each.role;
  }
}

TEST(NameMap, EveryRuleChangesWhatTheOneBeforeItLeft) {
  const Layout layout =
      rules(R"({from: '^a\.', to: 'b.'}, {from: '^b\.(x|y)\.', to: '$1.'}, {from: 'z', unused: true})");
  const std::vector<NamedTensor> named =
      name_tensors(component_of({{"a.x.w", {1}}, {"b.y.w", {2}}, {"a.z", {3}}, {"other", {4}}}), layout);
  ASSERT_EQ(named.size(), 3U);
  EXPECT_EQ(named[0].name, "other");
  EXPECT_EQ(named[1].name, "x.w");
  EXPECT_THAT(named[1].parts, testing::ElementsAre("a.x.w"));
  EXPECT_EQ(named[2].name, "y.w");
}

TEST(NameMap, JoinsPartsInTheirOrderWhateverThatOfTheFile) {
  const std::vector<NamedTensor> named =
      name_tensors(component_of({{"v", {4, 3}}, {"q", {3, 3}}, {"k", {2, 3}}}), rules(q_k_v));
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].name, "qkv");
  EXPECT_THAT(named[0].shape, testing::ElementsAre(9, 3));
  EXPECT_THAT(named[0].parts, testing::ElementsAre("q", "k", "v"));
}

TEST(NameMap, DoesNotShowLongNamesToTheRegularExpressions) {
  const std::string name = "blocks." + std::string(2'000'000, '0') + ".modulation";
  const std::vector<NamedTensor> named =
      name_tensors(component_of({{name, {1}}}), rules(R"({from: '\.modulation$', to: '.table'})"));
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].name, name);
}

struct Bad {
  const char* what;
  std::string rules;
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors;
  std::vector<std::string> says;
};

TEST(NameMap, ListsEverythingThatIsWrong) {
  const Bad cases[] = {
      {"parts that are missing",
       q_k_v + R"(, {from: '^x$', to: 'y', parts: 2, part: 1, dim: 1})",
       {{"k", {2, 3}}, {"x", {1, 1}}},
       {"qkv lacks part 0, 2 of 3", "y lacks part 0 of 2", "model/dit"}},
      {"two tensors of one name",
       R"({from: '^[ab]$', to: 'c'}, {from: '^[de]$', to: 'f'})",
       {{"a", {1}}, {"b", {1}}, {"d", {1}}, {"e", {1}}},
       {"c comes from both a and b", "f comes from both d and e"}},
      {"a name that is there already",
       R"({from: '^a$', to: 'b'})",
       {{"a", {1}}, {"b", {1}}},
       {"b comes from both a and b"}},
      {"a part and a whole",
       R"({from: '^a$', to: 'c', parts: 2, part: 0})",
       {{"a", {1}}, {"c", {1}}},
       {"c comes from both a and c"}},
      {"a part twice",
       R"({from: '^[ab]$', to: 'c', parts: 2, part: 1})",
       {{"a", {1}}, {"b", {1}}},
       {"c comes from both a and b"}},
      {"parts of other widths",
       q_k_v,
       {{"q", {2, 3}}, {"k", {2, 4}}, {"v", {2, 3}}},
       {"qkv cannot be joined", "[2, 4] of k"}},
      {"parts of other ranks", q_k_v, {{"q", {2, 3}}, {"k", {2}}, {"v", {2, 3}}}, {"qkv cannot be joined"}},
      {"a join that wraps",
       q_k_v,
       {{"q", {~std::uint64_t{0}}}, {"k", {2}}, {"v", {2}}},
       {"qkv cannot be joined"}},
  };
  for (const Bad& each : cases) {
    try {
      name_tensors(component_of(each.tensors), rules(each.rules));
      ADD_FAILURE() << each.what;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input) << each.what;
      for (const std::string& words : each.says) EXPECT_THAT(error.what(), HasSubstr(words)) << each.what;
    }
  }
}

TEST(NameRules, AreCheckedWhereTheyAreWritten) {
  for (const auto& [rule, says] : std::vector<std::pair<std::string, std::string>>{
           {"{from: '(a', to: b}", "names.0.from is wrong"},
           {"{to: b}", "names.0.from is missing"},
           {"{from: a}", "names.0.to is missing"},
           {"{from: a, to: b, unused: true}", "names.0.to is missing"},
           {"{from: a, to: b, parts: 2, part: 2}", "names.0.part"},
           {"{from: a, to: b, parts: 1}", "names.0.parts"},
           {"{from: a, to: b, dimm: 1}", "dimm"}}) {
    try {
      rules(rule);
      ADD_FAILURE() << rule;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(says)) << rule;
    }
  }
}

}  // namespace
}  // namespace ditmill::registry

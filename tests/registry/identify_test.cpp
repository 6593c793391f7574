#include "registry/identity/identify.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "configs/error.h"
#include "registry/identity/fingerprint.h"
#include "tests/registry/key_lists.h"

namespace ditmill::registry {
namespace {

Identity identified(const tests::Shapes& shapes, const VariantHints& hints = {}) {
  std::vector<NamedShape> views;
  for (const auto& [name, shape] : shapes) views.push_back({name, shape});
  return identify(ShapeTable{views}, Catalog::built_in(), hints);
}

TEST(Identify, KnowsTheCatalogsWeights) {
  const Identity identity = identified(tests::key_list("wan2.1-t2v-1.3b-diffusers"));
  EXPECT_EQ(identity.how, "catalog");
  EXPECT_EQ(identity.variant, "wan2.1-t2v-1.3b");
  EXPECT_EQ(identity.role, "dit");
  EXPECT_EQ(identity.preset, "wan2.1-t2v-1.3b");
  EXPECT_EQ(identity.hyper_parameters.at("heads"), 12);
  EXPECT_TRUE(identity.nearest.empty());
}

TEST(Identify, HintsDecideBetweenVariants) {
  const tests::Shapes shapes = tests::key_list("wan2.1-t2v-14b-diffusers");
  const std::vector<std::string> all{"wan2.1-t2v-14b", "wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low"};
  const struct {
    const char* name;
    VariantHints hints;
    std::string variant;
  } rows[] = {
      {"nothing", {}, ""},
      {"a model with one expert", {"", ""}, "wan2.1-t2v-14b"},
      {"first of two experts", {"", "transformer"}, "wan2.2-t2v-a14b-high"},
      {"second of two experts", {"", "transformer_2"}, "wan2.2-t2v-a14b-low"},
      {"the user", {"wan2.2-t2v-a14b-low", std::nullopt}, "wan2.2-t2v-a14b-low"},
      {"the user over the folder", {"wan2.1-t2v-14b", "transformer"}, "wan2.1-t2v-14b"},
  };
  for (const auto& row : rows) {
    const Identity identity = identified(shapes, row.hints);
    EXPECT_EQ(identity.how, "catalog");
    EXPECT_EQ(identity.role, "dit");
    EXPECT_EQ(identity.variant, row.variant) << row.name;
    EXPECT_EQ(identity.candidates, row.variant.empty() ? all : std::vector<std::string>{}) << row.name;
  }
  try {
    identified(shapes, {"wan2.1-t2v-14c", std::nullopt});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean wan2.1-t2v-14b"));
  }
}

TEST(Identify, NamesOfFilesAndFoldersTellVariants) {
  const struct {
    std::vector<std::string> names;
    std::string variant;
    std::string by;
  } rows[] = {
      {{"wan2.2_t2v_high_noise_14B_fp16.safetensors", "models"}, "wan2.2-t2v-a14b-high", "'high_noise'"},
      {{"Wan2.2-T2V-A14B-Low-Noise.safetensors"}, "wan2.2-t2v-a14b-low", "'low-noise'"},
      {{"model.safetensors", "Wan2_1-T2V-14B"}, "wan2.1-t2v-14b", "Wan2_1-T2V-14B"},
      {{"low_noise.safetensors", "high_noise"},
       "wan2.2-t2v-a14b-low",
       "low_noise.safetensors"},  // the nearest
      {{"model.safetensors", "t2v"}, "", ""},
      {{"high_noise_or_low_noise.safetensors"}, "", ""},
  };
  for (const auto& row : rows) {
    const Identity identity = identified(tests::key_list("wan2.1-t2v-14b-diffusers"), {.names = row.names});
    EXPECT_EQ(identity.variant, row.variant) << row.names.front();
    EXPECT_THAT(identity.decided_by, testing::HasSubstr(row.by));
    EXPECT_EQ(identity.candidates.empty(), !row.variant.empty());
  }
  // A folder of two experts says more than a name.
  const Identity folder = identified(tests::key_list("wan2.1-t2v-14b-diffusers"),
                                     {.expert_folder = "transformer_2", .names = {"high_noise.safetensors"}});
  EXPECT_EQ(folder.variant, "wan2.2-t2v-a14b-low");
}

TEST(Identify, KnowsWeightsByTheirNamesAloneWhereAnEntryHasNoHash) {
  const std::string entry =
      "  family: wan\n  role: dit\n  layout: diffusers\n  key_hash: null\n"
      "  key_hash_names: 1fcfa695e488278a42302f5c619a74f1\n  hyper_parameters: {heads: 3}\n";
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  for (auto& [name, shape] : shapes) {
    if (name == "patch_embedding.weight") shape[1] = 48;
  }
  std::vector<NamedShape> views;
  for (const auto& [name, shape] : shapes) views.push_back({name, shape});
  Catalog catalog = Catalog::built_in();
  catalog.add_text("- name: mine\n" + entry, "mine.yaml");
  const Identity identity = identify(ShapeTable{views}, catalog, {});
  EXPECT_EQ(identity.how, "catalog-keys");
  EXPECT_EQ(identity.variant, "mine");
  EXPECT_EQ(identity.hyper_parameters.at("in_channels"), 48) << "the shapes tell it";
  EXPECT_EQ(identity.hyper_parameters.at("heads"), 3) << "the entry tells it";

  catalog.add_text("- name: other\n" + entry, "other.yaml");
  const Identity ambiguous = identify(ShapeTable{views}, catalog, {});
  EXPECT_EQ(ambiguous.variant, "");
  EXPECT_THAT(ambiguous.candidates, testing::ElementsAre("mine", "other"));
  EXPECT_EQ(identify(ShapeTable{views}, catalog, {.variant = "other"}).variant, "other");
}

TEST(Identify, FallsBackToNames) {
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  for (auto& [name, shape] : shapes) {
    if (name == "patch_embedding.weight") shape[1] = 48;
  }
  const Identity identity = identified(shapes);
  EXPECT_EQ(identity.how, "catalog-keys");
  EXPECT_EQ(identity.variant, "");
  EXPECT_EQ(identity.family, "wan");
  EXPECT_EQ(identity.hyper_parameters.at("in_channels"), 48);
  const nlohmann::json& nearest = identity.nearest.at(0);
  EXPECT_EQ(nearest.at("name"), "wan2.1-t2v-1.3b");
  EXPECT_EQ(nearest.at("shared"), 824);
  EXPECT_EQ(nearest.at("misshapen"), 1);
  EXPECT_EQ(nearest.at("first_misshapen").at(0).at("expected"), "[1536, 16, 1, 2, 2]");
  EXPECT_EQ(nearest.at("first_misshapen").at(0).at("got"), "[1536, 48, 1, 2, 2]");
}

TEST(Identify, FallsBackToTheFingerprint) {
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  std::erase_if(shapes, [](const auto& tensor) { return tensor.first.starts_with("blocks.29."); });
  shapes.emplace_back("extra.weight", std::vector<std::uint64_t>{1});
  const Identity identity = identified(shapes);
  EXPECT_EQ(identity.how, "fingerprint");
  EXPECT_EQ(identity.role, "dit");
  EXPECT_EQ(identity.hyper_parameters.at("layers"), 29);
  const nlohmann::json& nearest = identity.nearest.at(0);
  EXPECT_EQ(nearest.at("missing"), 27);
  EXPECT_EQ(nearest.at("extra"), 1);
  EXPECT_EQ(nearest.at("first_extra").at(0), "extra.weight");
  EXPECT_THAT(describe_difference(nearest),
              testing::HasSubstr("798 tensors are equal; 27 are missing (blocks.29."));
}

// Two architectures of one role and family: those of unknown hash have the names of their own.
TEST(Identify, TellsTheArchitectureByItsMarks) {
  const Catalog catalog = Catalog::built_in();
  for (const auto& [architecture, layout_name] :
       {std::pair{"wan_vae", "official"}, std::pair{"wan_vae", "diffusers"},
        std::pair{"wan_vae_22", "official"}, std::pair{"wan_vae_22", "diffusers"}}) {
    SCOPED_TRACE(std::string{architecture} + " " + layout_name);
    const auto layout = std::ranges::find_if(catalog.layouts(), [&](const Layout& each) {
      return each.architecture == architecture && each.layout == layout_name;
    });
    ASSERT_NE(layout, catalog.layouts().end());
    const auto expected = expand(*layout, {{"base_dim", 20}, {"decoder_dim", 24}, {"z_dim", 7}});
    ASSERT_TRUE(expected);
    std::vector<NamedShape> shapes;
    for (const ExpectedTensor& tensor : *expected) shapes.push_back({tensor.name, tensor.shape});
    // With a tensor too many, names alone do not tell either.
    for (const bool extra : {false, true}) {
      if (extra) shapes.push_back({"extra.weight", expected->front().shape});
      const Identity identity = identify(ShapeTable{shapes}, catalog, {});
      EXPECT_EQ(identity.architecture, architecture);
      EXPECT_EQ(recognised_layout(identity, catalog), &*layout);
    }
  }
}

TEST(Identify, KnowsTheOfficialLayoutOfTheSameWeights) {
  for (const auto& [list, variant, role] :
       {std::tuple{"wan2.1-t2v-1.3b-official", "wan2.1-t2v-1.3b", "dit"},
        std::tuple{"umt5-xxl-official", "umt5-xxl-encoder", "text_encoder"},
        std::tuple{"wan2.1-vae-official", "wan2.1-vae", "vae"}}) {
    const Identity identity = identified(tests::key_list(list));
    EXPECT_EQ(identity.how, "catalog") << list;
    EXPECT_EQ(identity.role, role) << list;
    EXPECT_EQ(identity.layout, "official") << list;
    EXPECT_EQ(identity.variant, variant) << list;
  }
}

TEST(Identify, KnowsACheckpointByItsDictionaryOrByItsTensors) {
  const Catalog catalog = Catalog::built_in();
  const tests::Shapes list = tests::key_list("wan2.1-vae-official");
  std::vector<NamedShape> tensors;
  for (const auto& [name, shape] : list) tensors.push_back({name, shape});
  const ShapeTable shapes{tensors};
  const Identity nested =
      identify(shapes, catalog, {}, {.key_hash = "a", .key_hash_names = "b", .nested = true});
  EXPECT_EQ(nested.key_hash, "a") << "as TeleFuser sees it";
  EXPECT_EQ(nested.key_hash_flat, "ccc42284ea13e1ad04693284c7a09be6");
  EXPECT_EQ(nested.variant, "wan2.1-vae");
  const Identity beside =
      identify(shapes, catalog, {}, {.key_hash = "a", .key_hash_names = "b", .nested = false});
  EXPECT_EQ(beside.key_hash_flat, "");
  EXPECT_EQ(beside.variant, "wan2.1-vae");
}

TEST(Identify, LeavesTheRestUnknown) {
  const Identity other = identified({{"a.weight", {2, 3}}});
  EXPECT_EQ(other.how, "unknown");
  EXPECT_EQ(other.role, "");
  const Identity nothing = identified({});
  EXPECT_EQ(nothing.how, "unknown");
  EXPECT_EQ(nothing.key_hash, "d41d8cd98f00b204e9800998ecf8427e");
}

}  // namespace
}  // namespace ditmill::registry

#include "jobs/cli/registry_template.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "configs/error.h"
#include "registry/identity/model_folder.h"
#include "registry/tools/file_digest.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/key_lists.h"

namespace ditmill::jobs {
namespace {

namespace fs = std::filesystem;

/// Weights of the Wan transformer's layout that no catalog knows.
tests::Shapes unknown_dit(std::uint64_t channels) {
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  for (auto& [name, shape] : shapes) {
    if (name == "patch_embedding.weight") shape[1] = channels;
  }
  return shapes;
}

std::string template_of(const cli::TemplateOptions& options) {
  std::ostringstream out;
  std::ostringstream log;
  EXPECT_EQ(cli::registry_template(options, out, log), 0);
  return out.str();
}

TEST(RegistryTemplate, MakesWeightsKnown) {
  const tests::TempFolder folder;
  fs::create_directories(folder / "model/transformer");
  const std::string weights = folder / "model/transformer/diffusion_pytorch_model.safetensors";
  tests::write_sparse_safetensors(weights, unknown_dit(5));
  tests::write_sparse_safetensors(folder / "lone.safetensors", unknown_dit(6));
  folder.write("model/transformer/config.json", R"({"num_attention_heads": 24})");
  // Outputs of several calls can be concatenated.
  const std::string text = template_of({.paths = {folder / "model"}, .name = "five"}) +
                           template_of({.paths = {folder / "lone.safetensors"}, .name = "six"});
  registry::Catalog catalog = registry::Catalog::built_in();
  catalog.add_file(folder.write("mine.yaml", text));
  for (const auto& [path, name] :
       {std::pair{folder / "model", "five"}, std::pair{folder / "lone.safetensors", "six"}}) {
    const registry::ModelFolder model = registry::open_model_folder(path, catalog);
    const registry::Identity& identity = model.component("transformer").identity;
    EXPECT_EQ(identity.how, "catalog");
    EXPECT_EQ(identity.variant, name);
    EXPECT_EQ(identity.preset, "wan2.1-t2v-1.3b");
    EXPECT_NO_THROW(registry::require_known(model, catalog));
  }
  EXPECT_EQ(catalog.named("five")->hyper_parameters.at("heads"), 24);
  EXPECT_EQ(catalog.named("five")->hyper_parameters.at("in_channels"), 5);
  EXPECT_FALSE(catalog.named("six")->hyper_parameters.contains("heads")) << "a file alone does not tell";
}

TEST(RegistryTemplate, TakesAllShardsOfAComponent) {
  const tests::TempFolder folder;
  tests::Shapes first = unknown_dit(7);
  const tests::Shapes second(first.begin() + 400, first.end());
  first.resize(400);
  tests::write_sparse_safetensors(folder / "m-00001-of-00002.safetensors", first);
  tests::write_sparse_safetensors(folder / "m-00002-of-00002.safetensors", second);
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{folder / "m-00001-of-00002.safetensors",
                                 folder / "m-00002-of-00002.safetensors"},
        std::vector<std::string>{folder / "m-*.safetensors"}}) {
    registry::Catalog catalog = registry::Catalog::built_in();
    catalog.add_text(template_of({.paths = paths, .name = "seven"}), "mine.yaml");
    const registry::CatalogEntry* entry = catalog.named("seven");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->architecture, "wan_dit");
    EXPECT_EQ(entry->hyper_parameters.at("layers"), 30);
    EXPECT_EQ(entry->hyper_parameters.at("in_channels"), 7);
  }
}

TEST(RegistryTemplate, StatesTheDigestsOfFilesWhereAsked) {
  const tests::TempFolder folder;
  const std::string mine =
      folder.write("architectures.yaml",
                   "architectures:\n- {name: my_dit, family: mine, role: dit, tensors: {my.weight: [dim]},\n"
                   "   layouts: [{layout: diffusers, marks: [my.weight]}]}\n");
  const std::string weights = folder.write("dit.safetensors", tests::safetensors_of({{"my.weight", {4}}}));
  registry::Catalog catalog = registry::Catalog::known(mine);
  catalog.add_text(template_of({.paths = {weights}, .name = "five", .catalog = mine}), "plain.yaml");
  EXPECT_THAT(catalog.named("five")->sha256, testing::IsEmpty());
  catalog.add_text(template_of({.paths = {weights}, .name = "six", .catalog = mine, .digest = true}),
                   "mine.yaml");
  EXPECT_THAT(catalog.named("six")->sha256,
              testing::ElementsAre(registry::digest_whole_file(weights).sha256));
}

TEST(RegistryTemplate, TakesTheArchitectureAndTheLayoutThatItIsTold) {
  const tests::TempFolder folder;
  const std::string known = folder / "dit.safetensors";
  tests::write_sparse_safetensors(known, unknown_dit(5));
  // A user's architecture that has the same names; which of the two it is, no name tells.
  const std::string mine =
      folder.write("architectures.yaml",
                   "architectures:\n- {name: my_dit, family: mine, role: dit, tensors: "
                   "{patch_embedding.weight: [dim, in, 1, 2, "
                   "2]},\n   layouts: [{layout: diffusers, marks: [patch_embedding.weight]}]}\n");
  const std::string text = template_of(
      {.paths = {known}, .name = "five", .architecture = "my_dit", .layout = "diffusers", .catalog = mine});
  registry::Catalog catalog = registry::Catalog::known(mine);
  catalog.add_text(text, "mine.yaml");
  EXPECT_EQ(catalog.named("five")->architecture, "my_dit");
  EXPECT_EQ(catalog.named("five")->family, "mine");
  EXPECT_EQ(catalog.named("five")->hyper_parameters.at("in"), 5);
  const registry::Identity identity =
      registry::open_model_folder(known, catalog).component("transformer").identity;
  EXPECT_EQ(identity.how, "catalog");
  EXPECT_EQ(identity.architecture, "my_dit");
  EXPECT_THAT(template_of({.paths = {known}, .name = "five", .layout = "diffusers"}),
              testing::HasSubstr("architecture: wan_dit"));
  const struct {
    const char* architecture;
    const char* layout;
    const char* words;
  } rows[] = {{"wan_dti", "", "did you mean wan_dit"},
              {"wan_vae", "", "expected the names of wan_vae"},
              {"wan_dit", "official", "got the names of wan_dit in the layout diffusers"},
              {"", "official", "in the layout official"}};
  for (const auto& row : rows) {
    std::ostringstream out;
    try {
      cli::registry_template(
          {.paths = {known}, .name = "five", .architecture = row.architecture, .layout = row.layout}, out,
          out);
      ADD_FAILURE() << "accepted " << row.architecture << " " << row.layout;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      EXPECT_THAT(error.what(), testing::HasSubstr(row.words));
    }
  }
}

TEST(RegistryTemplate, RefusesWhatItCannotWriteDown) {
  const tests::TempFolder folder;
  const std::string strange = folder.write("strange.safetensors", tests::safetensors_of({{"x", {1}}}));
  const std::string shard = folder.write("m-1-of-2.safetensors", tests::safetensors_of({{"x", {1}}}));
  fs::create_directories(folder / "empty");
  folder.write("empty/model_index.json", "{}");
  const struct {
    std::string path;
    const char* name;
    const char* words;
  } rows[] = {{strange, "x", "unknown names"},
              {shard, "x", "shard 1 of 2"},
              {folder / "empty", "x", "a model folder with components"},
              {strange, "a name", "letters, digits"},
              {strange, "", "letters, digits"}};
  for (const auto& row : rows) {
    std::ostringstream out;
    try {
      cli::registry_template({.paths = {row.path}, .name = row.name}, out, out);
      ADD_FAILURE() << "accepted " << row.path;
    } catch (const Error& error) {
      EXPECT_EQ(exit_code(error.category()), 1);
      EXPECT_THAT(error.what(), testing::HasSubstr(row.words));
      EXPECT_EQ(out.str(), "");
    }
  }
}

TEST(RegistryList, PrintsEveryEntry) {
  std::ostringstream text;
  std::ostringstream json;
  EXPECT_EQ(cli::registry_list(false, "", text), 0);
  EXPECT_EQ(cli::registry_list(true, "", json), 0);
  const nlohmann::json list = nlohmann::json::parse(json.str());
  EXPECT_EQ(list.size(), registry::Catalog::built_in().entries().size());
  for (const nlohmann::json& entry : list) {
    EXPECT_THAT(text.str(), testing::HasSubstr(entry.at("key_hash").get<std::string>() + "  " +
                                               entry.at("name").get<std::string>()));
  }
}

}  // namespace
}  // namespace ditmill::jobs

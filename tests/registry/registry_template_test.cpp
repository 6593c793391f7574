#include "jobs/cli/registry_template.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "configs/error.h"
#include "registry/identity/model_folder.h"
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

std::string template_of(const std::string& path, const std::string& name) {
  std::ostringstream out;
  std::ostringstream log;
  EXPECT_EQ(cli::registry_template(path, name, "", out, log), 0);
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
  const std::string text =
      template_of(folder / "model", "five") + template_of(folder / "lone.safetensors", "six");
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
      cli::registry_template(row.path, row.name, "", out, out);
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

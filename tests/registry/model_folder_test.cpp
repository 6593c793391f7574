#include "registry/identity/model_folder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>

#include "configs/error.h"
#include "registry/identity/catalog_text.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/key_lists.h"

namespace ditmill::registry {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string plain_index =
    R"({"_class_name":"WanPipeline","transformer":["diffusers","WanTransformer3DModel"],"transformer_2":[null,null],)"
    R"("boundary_ratio":null,"scheduler":["diffusers","X"],"tokenizer":["transformers","T5TokenizerFast"]})";

/// A model folder with one transformer of real shapes, whose data take no space.
struct Model : tests::TempFolder {
  explicit Model(const std::string& list = "wan2.1-t2v-1.3b-diffusers") {
    fs::create_directories(*this / "tokenizer");
    write("tokenizer/spiece.model", "pieces");
    add("transformer", list);
    write("model_index.json", plain_index);
  }
  void add(const std::string& component, const std::string& list) const {
    fs::create_directories(*this / component);
    tests::write_sparse_safetensors(*this / (component + "/diffusion_pytorch_model.safetensors"),
                                    tests::key_list(list));
    write(component + "/config.json", R"({"num_attention_heads": 12})");
  }
};

TEST(ModelFolder, OpensTheDiffusersLayout) {
  const Model model;
  const ModelFolder folder = open_model_folder(model.path(), Catalog::built_in());
  ASSERT_EQ(folder.components.size(), 1U);
  const Component& dit = folder.component("transformer");
  EXPECT_EQ(dit.label, model / "transformer");
  EXPECT_EQ(dit.identity.variant, "wan2.1-t2v-1.3b");
  EXPECT_EQ(dit.config.at("num_attention_heads"), 12);
  EXPECT_EQ(dit.config_path, model / "transformer/config.json");
  EXPECT_EQ(dit.tensor_bytes(), 1418996800U);
  EXPECT_EQ(dit.shapes().size(), 825U);
  EXPECT_EQ(folder.tokenizer_path, model / "tokenizer/spiece.model");
  EXPECT_TRUE(folder.warnings.empty());
  EXPECT_NO_THROW(require_known(folder, Catalog::built_in()));
  EXPECT_THROW(folder.component("vae"), Error);
}

TEST(ModelFolder, NeedsNoIndex) {
  const Model model;
  fs::remove(model / "model_index.json");
  EXPECT_EQ(open_model_folder(model.path(), Catalog::built_in()).component("transformer").identity.variant,
            "wan2.1-t2v-1.3b");
}

TEST(ModelFolder, OpensAComponentFolderAndAFile) {
  const Model model;
  const std::string file = model / "transformer/diffusion_pytorch_model.safetensors";
  for (const std::string& path : {model / "transformer", file}) {
    const ModelFolder folder = open_model_folder(path, Catalog::built_in());
    EXPECT_EQ(folder.component("transformer").label, path);
  }
}

TEST(ModelFolder, TellsTheExpertsOfWan22FromWan21) {
  const std::string list = "wan2.1-t2v-14b-diffusers";
  const Model model{list};
  const auto variants = [&model] {
    std::vector<std::string> names;
    for (const Component& component : open_model_folder(model.path(), Catalog::built_in()).components) {
      names.push_back(component.identity.variant);
    }
    return names;
  };
  using testing::ElementsAre;
  EXPECT_THAT(variants(), ElementsAre("wan2.1-t2v-14b"));
  model.write("model_index.json", R"({"transformer":["diffusers","X"],"boundary_ratio":0.875})");
  EXPECT_THAT(variants(), ElementsAre("wan2.2-t2v-a14b-high"));
  model.add("transformer_2", list);
  model.write("model_index.json", R"({"transformer":["d","X"],"transformer_2":["d","X"]})");
  EXPECT_THAT(variants(), ElementsAre("wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low"));
}

/// A model folder as Wan-AI's repositories are, but with safetensors for all components.
struct OfficialModel : tests::TempFolder {
  explicit OfficialModel(const std::string& size = "1.3b") {
    fs::create_directories(*this / "google/umt5-xxl");
    write("google/umt5-xxl/tokenizer.json", "{}");
    write("config.json", R"({"_class_name": "WanModel", "num_heads": 12})");
    add("diffusion_pytorch_model.safetensors", "wan2.1-t2v-" + size + "-official");
    add("models_t5_umt5-xxl-enc-bf16.safetensors", "umt5-xxl-official");
    add("Wan2.1_VAE.safetensors", "wan2.1-vae-official");
  }
  void add(const std::string& file, const std::string& list) const {
    fs::create_directories(fs::path(*this / file).parent_path());
    tests::write_sparse_safetensors(*this / file, tests::key_list(list));
  }
};

TEST(ModelFolder, OpensTheOfficialLayout) {
  const OfficialModel model;
  const Catalog catalog = Catalog::built_in();
  const ModelFolder folder = open_model_folder(model.path(), catalog);
  EXPECT_NO_THROW(require_known(folder, catalog));
  ASSERT_EQ(folder.components.size(), 3U);
  const Component& dit = folder.component("transformer");
  EXPECT_EQ(dit.identity.variant, "wan2.1-t2v-1.3b");
  EXPECT_EQ(dit.identity.layout, "official");
  EXPECT_EQ(dit.identity.preset, "wan2.1-t2v-1.3b");
  EXPECT_EQ(dit.config.at("num_heads"), 12);
  EXPECT_TRUE(dit.shapes().contains("blocks.29.attn2.to_out.0.weight")) << "the layers' names";
  EXPECT_TRUE(folder.component("vae").config_path.empty()) << "config.json is the transformer's alone";
  EXPECT_TRUE(folder.component("text_encoder").config_path.empty());
  EXPECT_EQ(folder.component("vae").identity.variant, "wan2.1-vae");
  EXPECT_EQ(folder.tokenizer_path, model / "google/umt5-xxl/tokenizer.json");
  EXPECT_TRUE(folder.warnings.empty());
}

TEST(ModelFolder, TellsTheOfficialExpertsOfWan22FromWan21) {
  const OfficialModel model{"14b"};
  const Catalog catalog = Catalog::built_in();
  EXPECT_EQ(open_model_folder(model.path(), catalog).component("transformer").identity.variant,
            "wan2.1-t2v-14b");
  fs::remove(model / "diffusion_pytorch_model.safetensors");
  for (const char* expert : {"high_noise_model", "low_noise_model"}) {
    model.add(std::string(expert) + "/diffusion_pytorch_model.safetensors", "wan2.1-t2v-14b-official");
  }
  std::vector<std::string> variants;
  for (const Component& component : open_model_folder(model.path(), catalog).components) {
    variants.push_back(component.identity.variant);
  }
  EXPECT_THAT(variants, testing::ElementsAre("wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low",
                                             "umt5-xxl-encoder", "wan2.1-vae"));
}

std::vector<std::string> names_in(const ModelFolder& folder) {
  std::vector<std::string> names;
  for (const Component& component : folder.components)
    names.push_back(component.name + " " + component.identity.variant);
  return names;
}

TEST(ModelFolder, NamesTwoTransformersByTheNoiseThatTheyTakeAway) {
  const Catalog catalog = Catalog::built_in();
  const Model diffusers{"wan2.1-t2v-14b-diffusers"};
  diffusers.add("transformer_2", "wan2.1-t2v-14b-diffusers");
  diffusers.write("model_index.json", R"({"transformer": ["diffusers", "WanTransformer3DModel"],
                                          "transformer_2": ["diffusers", "WanTransformer3DModel"]})");
  EXPECT_THAT(names_in(open_model_folder(diffusers.path(), catalog)),
              testing::ElementsAre("transformer wan2.2-t2v-a14b-high", "transformer_2 wan2.2-t2v-a14b-low"));
  // As VideoX-Fun has them: official names, and the second folder is the one for high noise.
  const Model fun{"wan2.1-t2v-14b-official"};
  fun.add("transformer_2", "wan2.1-t2v-14b-official");
  fun.write("model_index.json", R"({"transformer": ["diffusers", "WanTransformer3DModel"],
                                    "transformer_2": ["diffusers", "WanTransformer3DModel"]})");
  const ModelFolder opened = open_model_folder(fun.path(), catalog);
  EXPECT_THAT(names_in(opened),
              testing::ElementsAre("transformer wan2.2-t2v-a14b-high", "transformer_2 wan2.2-t2v-a14b-low"));
  EXPECT_EQ(opened.component("transformer").label, fun / "transformer_2");
}

TEST(ModelFolder, TakesScatteredComponents) {
  const Catalog catalog = Catalog::built_in();
  const OfficialModel model;
  const Model other;
  auto bundle = tests::key_list("wan2.1-vae-official");
  for (auto& [name, shape] : bundle) name.insert(0, "vae.");
  for (auto& [name, shape] : tests::key_list("wan2.1-t2v-14b-diffusers"))
    bundle.push_back({"model.diffusion_model." + name, shape});
  tests::write_sparse_safetensors(other / "all in one.safetensors", bundle);
  configs::ModelDefinition source{
      .path = model.path(),
      .components = {{"vae", {.path = other / "all in one.safetensors", .prefix = "vae."}},
                     {"transformer",
                      {.path = other / "all in one.safetensors", .prefix = "model.diffusion_model."}},
                     {"tokenizer", {.path = other / "tokenizer"}}},
      .variants = {{"transformer", "wan2.1-t2v-14b"}}};
  const ModelFolder folder = open_model(source, catalog);
  EXPECT_THAT(names_in(folder), testing::ElementsAre("transformer wan2.1-t2v-14b",
                                                     "text_encoder umt5-xxl-encoder", "vae wan2.1-vae"));
  EXPECT_EQ(folder.component("vae").label, other / "all in one.safetensors");
  EXPECT_EQ(folder.component("transformer").identity.prefix, "model.diffusion_model.");
  EXPECT_EQ(folder.component("transformer").shapes().size(), 1095U);
  EXPECT_EQ(folder.tokenizer_path, other / "tokenizer/spiece.model");
  EXPECT_THAT(folder.warnings, testing::IsEmpty());
  // Without a folder they are all there is.
  source.path.clear();
  EXPECT_EQ(open_model(source, catalog).components.size(), 2U);
  source.components.at("transformer").prefix = "model.diffusion_modell.";
  EXPECT_THROW(open_model(source, catalog), Error);
}

TEST(ModelFolder, NamesTellTwoScatteredTransformersApart) {
  const Catalog catalog = Catalog::built_in();
  for (const char* list : {"wan2.1-t2v-14b-diffusers", "wan2.1-t2v-14b-official"}) {
    const Model model{list};
    const std::string file = model / "transformer/diffusion_pytorch_model.safetensors";
    fs::create_hard_link(file, model / "a.safetensors");
    fs::create_hard_link(file, model / "b.safetensors");
    const ModelFolder folder =
        open_model({.components = {{"transformer", {.path = model / "a.safetensors"}},
                                   {"transformer_2", {.path = model / "b.safetensors"}}}},
                   catalog);
    EXPECT_THAT(names_in(folder), testing::ElementsAre("transformer wan2.2-t2v-a14b-high",
                                                       "transformer_2 wan2.2-t2v-a14b-low"));
  }
}

TEST(ModelFolder, TakesAComponentOutOfAnotherModel) {
  const Catalog catalog = Catalog::built_in();
  const OfficialModel other;
  const Model model;
  model.write("model_index.json", R"({"transformer": ["diffusers", "X"], "vae": ["diffusers", "Y"]})");
  EXPECT_THROW(open_model_folder(model.path(), catalog), Error) << "vae is not there";
  const ModelFolder folder =
      open_model({.path = model.path(), .components = {{"vae", {.path = other.path()}}}}, catalog);
  EXPECT_EQ(folder.component("vae").label, other / "Wan2.1_VAE.safetensors");
}

TEST(ModelFolder, RefusesScatteredComponentsThatAreSomethingElse) {
  const Catalog catalog = Catalog::built_in();
  const OfficialModel model;
  const auto refused = [&](const std::string& name, const configs::ComponentSource& source) -> std::string {
    try {
      open_model({.path = model.path(), .components = {{name, source}}}, catalog);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_THAT(refused("vae", {.path = model / "models_t5_umt5-xxl-enc-bf16.safetensors"}),
              HasSubstr("expected a vae"));
  EXPECT_THAT(refused("vae", {.path = model / "missing"}), HasSubstr("missing"));
  EXPECT_THAT(refused("vae", {.path = model.path(), .files = {"none.safetensors"}}),
              HasSubstr("none.safetensors"));
  EXPECT_THAT(refused("tokenizer", {.path = model.path()}), HasSubstr("spiece.model or tokenizer.json"));
}

/// What is said of a vae at `path`, and of which file; "taken" if it is.
std::string said_without_pickle(const std::string& path, std::vector<std::string> files = {}) {
  const configs::ComponentSource vae{.path = path, .files = std::move(files), .allow_pickle = false};
  try {
    open_model({.components = {{"vae", vae}}}, Catalog::built_in());
    return "taken";
  } catch (const Error& error) {
    return error.doing() + " " + error.where().file + ": " + error.expected();
  }
}

TEST(ModelFolder, LooksIntoNoCheckpointOfTorchWhereNoneIsAllowed) {
  const OfficialModel model;
  const std::string vae = model / "Wan2.1_VAE.safetensors";
  // Whatever it is called, its bytes tell; read as what it is, each of these would be malformed.
  for (const std::string& begins : {"PK\x03\x04 and more"s, "\x80\x02 and more"s}) {
    for (const char* name : {"named.safetensors", "named.pth"}) {
      fs::create_directories(model / "alone");
      const std::string file = model.write("alone/" + std::string{name}, begins);
      const std::string refused = "gather the weight files of a component " + file +
                                  ": safetensors, for the component has allow_pickle: false";
      EXPECT_EQ(said_without_pickle(file), refused);
      EXPECT_EQ(said_without_pickle(model / "alone"), refused);
      EXPECT_EQ(said_without_pickle(model / "alone", {name}), refused);
      model.write("alone/x.safetensors.index.json",
                  R"({"weight_map": {"a": ")" + std::string{name} + R"("}})");
      EXPECT_EQ(said_without_pickle(model / "alone"), refused);
      fs::remove_all(model / "alone");
    }
  }
  fs::create_directories(model / "safe");
  fs::create_hard_link(vae, model / "safe/vae.pth");
  EXPECT_EQ(said_without_pickle(model / "safe/vae.pth"), "taken");
  EXPECT_EQ(said_without_pickle(model / "safe"), "taken");
  // One that is not used is not looked into, either.
  model.write("models_of_others.pth", "\x80\x02 and more");
  EXPECT_EQ(said_without_pickle(vae), "taken");
}

TEST(ModelFolder, RefusesTwoFilesOfOneRoleInTheOfficialLayout) {
  const OfficialModel model;
  model.add("vae-copy.safetensors", "wan2.1-vae-official");
  try {
    open_model_folder(model.path(), Catalog::built_in());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("one vae"));
    EXPECT_THAT(error.what(), HasSubstr("vae-copy.safetensors"));
    EXPECT_THAT(error.what(), HasSubstr("Wan2.1_VAE.safetensors"));
  }
}

TEST(ModelFolder, LeavesOutWhatNothingTellsWhereTheOfficialModelIsWhole) {
  const OfficialModel model;
  tests::write_sparse_safetensors(model / "lora.safetensors", {{"some.lora_A.weight", {4, 8}}});
  const ModelFolder whole = open_model_folder(model.path(), Catalog::built_in());
  EXPECT_EQ(whole.components.size(), 3U);
  ASSERT_EQ(whole.warnings.size(), 1U);
  EXPECT_THAT(whole.warnings[0], HasSubstr("lora.safetensors: not used"));
  fs::remove(model / "Wan2.1_VAE.safetensors");
  EXPECT_EQ(open_model_folder(model.path(), Catalog::built_in()).components.size(), 3U)
      << "it may be what is missing: require_known() shows its hash";
}

TEST(ModelFolder, PrefersSpieceModelToTokenizerJson) {
  const OfficialModel model;
  model.write("google/umt5-xxl/spiece.model", "pieces");
  EXPECT_EQ(find_components(model.path(), Catalog::built_in()).tokenizer_path,
            model / "google/umt5-xxl/spiece.model");
}

TEST(ModelFolder, LetsTheUserChooseTheVariant) {
  const Model model{"wan2.1-t2v-14b-diffusers"};
  const Catalog catalog = Catalog::built_in();
  const ModelFolder chosen =
      open_model({.path = model.path(), .variants = {{"transformer", "wan2.2-t2v-a14b-low"}}}, catalog);
  EXPECT_EQ(chosen.component("transformer").identity.variant, "wan2.2-t2v-a14b-low");
  EXPECT_THROW(open_model({.path = model.path(), .variants = {{"transformer", "wan2.1-t2v-1.3b"}}}, catalog),
               Error);
  EXPECT_THROW(open_model({.path = model.path(), .variants = {{"vae", "wan2.1-vae"}}}, catalog), Error)
      << "no such component";

  const ModelFolder undecided = open_model_folder(model / "transformer", catalog);
  EXPECT_EQ(undecided.component("transformer").identity.candidates.size(), 3U);
  try {
    require_known(undecided, catalog);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_THAT(error.what(), HasSubstr("wan2.1-t2v-14b, wan2.2-t2v-a14b-high, wan2.2-t2v-a14b-low"));
    EXPECT_THAT(error.what(), HasSubstr("variants: {transformer: wan2.1-t2v-14b}"));
  }
}

TEST(RequireKnown, SaysAllThatIsNeededToAddUnknownWeights) {
  const Model model;
  tests::Shapes shapes = tests::key_list("wan2.1-t2v-1.3b-diffusers");
  std::erase_if(shapes, [](const auto& tensor) { return tensor.first.starts_with("blocks.29."); });
  tests::write_sparse_safetensors(model / "transformer/diffusion_pytorch_model.safetensors", shapes);
  Catalog catalog = Catalog::built_in();
  const ModelFolder folder = open_model_folder(model.path(), catalog);
  std::string message;
  try {
    require_known(folder, catalog);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::unknown_model);
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr(folder.component("transformer").identity.key_hash));
  EXPECT_THAT(message, HasSubstr("is wan2.1-t2v-1.3b: 798 tensors are equal; 27 are missing"));
  EXPECT_THAT(message, HasSubstr("model.catalog"));
  EXPECT_THAT(message, HasSubstr("heads: 12")) << "from config.json";

  // What the message ends with is the entry: as a catalog of its own, it makes the weights known.
  catalog.add_text(message.substr(message.find("- name:")), "mine.yaml");
  const ModelFolder again = open_model_folder(model.path(), catalog);
  EXPECT_NO_THROW(require_known(again, catalog));
  EXPECT_EQ(again.component("transformer").identity.preset, "wan2.1-t2v-1.3b");
}

TEST(FreeName, IsAnEntryNameThatNobodyHas) {
  Catalog catalog = Catalog::built_in();
  EXPECT_EQ(free_name("/models/Wan 2.1/", catalog), "my-wan-2.1");
  for (const char* path : {"/", "..", "\xff\xfe", "", "x\ny"})
    EXPECT_TRUE(is_entry_name(free_name(path, catalog))) << path;
}

struct BadModel {
  const char* name;
  std::function<void(const Model&)> damage;
  const char* words;
  const char* file;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
void PrintTo(const BadModel& row, std::ostream* out) { *out << row.name; }

class BadModelFolder : public testing::TestWithParam<BadModel> {};

TEST_P(BadModelFolder, IsRefused) {
  const Model model;
  GetParam().damage(model);
  try {
    open_model_folder(model.path(), Catalog::built_in());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.category()), 1);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().words));
    EXPECT_EQ(error.where().file, model / GetParam().file);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , BadModelFolder,
    testing::Values(
        BadModel{"IndexNotJson", [](const Model& m) { m.write("model_index.json", "{"); }, "a key",
                 "model_index.json"},
        BadModel{"IndexIsAList", [](const Model& m) { m.write("model_index.json", "[]"); }, "an object",
                 "model_index.json"},
        BadModel{
            "KeyTwice",
            [](const Model& m) { m.write("model_index.json", R"({"vae":[null,null],"vae":[null,null]})"); },
            "every key once", "model_index.json"},
        BadModel{"ComponentIsAWord", [](const Model& m) { m.write("model_index.json", R"({"vae":"X"})"); },
                 "[library, class]", "model_index.json"},
        BadModel{"ComponentOfThree",
                 [](const Model& m) { m.write("model_index.json", R"({"vae":["a","b","c"]})"); },
                 "[library, class]", "model_index.json"},
        BadModel{"HalfNull", [](const Model& m) { m.write("model_index.json", R"({"vae":["a",null]})"); },
                 "[library, class]", "model_index.json"},
        BadModel{"BoundaryIsAWord",
                 [](const Model& m) { m.write("model_index.json", R"({"boundary_ratio":"x"})"); },
                 "a number or null", "model_index.json"},
        BadModel{"FolderMissing",
                 [](const Model& m) {
                   m.write("model_index.json", R"({"transformer":["d","T"],"vae":["d","V"]})");
                 },
                 "a folder of this name", "model_index.json"},
        BadModel{"ConfigNotJson", [](const Model& m) { m.write("transformer/config.json", "{\"a\": NaN}"); },
                 "a JSON value", "transformer/config.json"},
        BadModel{"ConfigIsAList", [](const Model& m) { m.write("transformer/config.json", "[]"); },
                 "an object", "transformer/config.json"},
        BadModel{"NoWeights",
                 [](const Model& m) { fs::remove(m / "transformer/diffusion_pytorch_model.safetensors"); },
                 "weight files", "transformer"},
        BadModel{"WrongFolder",
                 [](const Model& m) {
                   fs::remove(m / "model_index.json");
                   fs::rename(m / "transformer", m / "vae");
                 },
                 "expected a vae, got a dit", "vae"}),
    [](const testing::TestParamInfo<BadModel>& info) { return std::string{info.param.name}; });

TEST(ModelFolder, WarnsOfWhatItDoesNotUse) {
  const Model model;
  fs::remove(model / "tokenizer/spiece.model");
  fs::create_directories(model / "vae");
  model.write("model_index.json",
              R"({"transformer":["d","T"],"image_encoder":["t","C"],"image_processor":[null,null]})");
  const ModelFolder folder = open_model_folder(model.path(), Catalog::built_in());
  EXPECT_THAT(folder.warnings, testing::UnorderedElementsAre(HasSubstr("no spiece.model"),
                                                             HasSubstr("image_encoder is not used"),
                                                             HasSubstr("vae: not used")));
}

TEST(ModelFolder, RefusesOtherFoldersAndPaths) {
  const tests::TempFolder folder;
  EXPECT_THROW(open_model_folder(folder.path(), Catalog::built_in()), Error);
  EXPECT_THROW(open_model_folder(folder / "missing", Catalog::built_in()), Error);
}

}  // namespace
}  // namespace ditmill::registry

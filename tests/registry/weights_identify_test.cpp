#include "jobs/cli/weights_identify.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "jobs/cli/weights_digest.h"
#include "registry/tools/file_digest.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/key_lists.h"

namespace ditmill::jobs {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

struct Answer {
  int code;
  nlohmann::json json;
  std::string text;
};

Answer ask(const std::vector<std::string>& paths) {
  std::ostringstream json;
  std::ostringstream text;
  const int code = cli::weights_identify({.paths = paths, .json = true}, json);
  EXPECT_EQ(cli::weights_identify({.paths = paths, .json = false}, text), code);
  return {code, nlohmann::json::parse(json.str()), text.str()};
}

struct Weights : tests::TempFolder {
  Weights() {
    tests::write_sparse_safetensors(*this / "known.safetensors",
                                    tests::key_list("wan2.1-t2v-1.3b-diffusers"));
    tests::write_sparse_safetensors(*this / "shared.safetensors",
                                    tests::key_list("wan2.1-t2v-14b-diffusers"));
    write("strange.safetensors", tests::safetensors_of({{"x", {2, 3}}, {"y", {}}}));
    write("broken.safetensors", "short");
  }
};

TEST(WeightsIdentify, AnswersWithAllFields) {
  const Weights weights;
  const Answer answer = ask({weights / "known.safetensors"});
  EXPECT_EQ(answer.code, 0);
  ASSERT_EQ(answer.json.size(), 1U);
  nlohmann::json object = answer.json[0];
  EXPECT_EQ(object.at("hyper_parameters").at("layers"), 30);
  object.erase("hyper_parameters");
  EXPECT_THAT(object.at("why").get<std::string>(), HasSubstr("FP8"));
  object.erase("why");
  EXPECT_EQ(object, (nlohmann::json{{"path", weights / "known.safetensors"},
                                    {"architecture", "wan_dit"},
                                    {"quantization", {{"type", "fp8-plain"}}},
                                    {"runnable", false},
                                    {"key_hash", "b0a133b5687c7d054175e5bfa66ef5fd"},
                                    {"key_hash_names", "1fcfa695e488278a42302f5c619a74f1"},
                                    {"family", "wan"},
                                    {"variant", "wan2.1-t2v-1.3b"},
                                    {"role", "dit"},
                                    {"layout", "diffusers"},
                                    {"how", "catalog"},
                                    {"parameters", 1418996800},
                                    {"tensors", 825},
                                    {"dtypes", {{"F8_E4M3", 1418996800}}},
                                    {"candidates", nlohmann::json::array()},
                                    {"nearest", nlohmann::json::array()}}));
  EXPECT_THAT(answer.text, HasSubstr("variant wan2.1-t2v-1.3b"));
  EXPECT_THAT(answer.text, HasSubstr("1.42B parameters in 825 tensors"));
}

TEST(WeightsIdentify, ExitsWithTheWorst) {
  const Weights weights;
  const std::string known = weights / "known.safetensors";
  const std::string shared = weights / "shared.safetensors";
  const std::string strange = weights / "strange.safetensors";
  const std::string broken = weights / "broken.safetensors";
  EXPECT_EQ(ask({known}).code, 0);
  EXPECT_EQ(ask({strange, known}).code, 2);
  EXPECT_EQ(ask({shared, known}).code, 2);
  EXPECT_EQ(ask({broken, strange}).code, 1);
  EXPECT_EQ(ask({strange, broken, known}).json.size(), 3U) << "printed whatever the exit code";
  EXPECT_EQ(ask({weights / "missing"}).code, 1);
}

TEST(WeightsIdentify, NamesCandidates) {
  const Weights weights;
  const nlohmann::json object = ask({weights / "shared.safetensors"}).json.at(0);
  EXPECT_TRUE(object.at("variant").is_null());
  EXPECT_EQ(object.at("candidates"),
            (nlohmann::json{"wan2.1-t2v-14b", "wan2.2-t2v-a14b-high", "wan2.2-t2v-a14b-low"}));
}

void digest(const std::vector<std::string>& paths, const std::string& record) {
  std::ostringstream out;
  EXPECT_EQ(
      cli::weights_digest({.paths = paths, .write = record, .verify = {}, .catalog = {}, .json = false}, out),
      0);
}

/// Two files of one header, and a catalog that tells them by their digests alone.
struct Twins : tests::TempFolder {
  Twins() {
    fs::create_directories(*this / "a");
    std::string bytes = tests::safetensors_of({{"x", {2, 3}}});
    one = write("a/one.safetensors", bytes);
    bytes.back() = '\1';
    two = write("a/two.safetensors", bytes);
    const std::string hash = ask({one}).json.at(0).at("key_hash");
    for (const auto& [name, path] : {std::pair{"first", one}, std::pair{"second", two}})
      entries += std::string{"- {name: "} + name +
                 ", family: mine, role: dit, layout: official, key_hash: \"" + hash +
                 "\", key_hash_names: null, sha256: \"" + registry::digest_whole_file(path).sha256 + "\"}\n";
    write("mine.yaml", entries);
  }

  Answer identified(const std::string& path) const {
    std::ostringstream json;
    std::ostringstream text;
    const int code =
        cli::weights_identify({.paths = {path}, .catalog = *this / "mine.yaml", .json = true}, json);
    cli::weights_identify({.paths = {path}, .catalog = *this / "mine.yaml", .json = false}, text);
    return {code, nlohmann::json::parse(json.str()), text.str()};
  }

  std::string one;
  std::string two;
  std::string entries;
};

TEST(WeightsIdentify, TellsVariantsByARememberedDigest) {
  const Twins twins;
  const nlohmann::json candidates{"first", "second"};
  EXPECT_EQ(twins.identified(twins.one).json.at(0).at("candidates"), candidates) << "nothing is computed";
  digest({twins.one, twins.two}, twins / "a/digests.json");
  for (const auto& [path, name] : {std::pair{twins.one, "first"}, std::pair{twins.two, "second"}}) {
    const Answer answer = twins.identified(path);
    EXPECT_EQ(answer.code, 0);
    EXPECT_EQ(answer.json.at(0).at("variant"), name);
    EXPECT_THAT(answer.text, HasSubstr("told from others of its hash by the remembered digest " +
                                       registry::digest_whole_file(path).sha256));
  }
  fs::rename(twins / "a/digests.json", twins / "digests.json");
  EXPECT_EQ(twins.identified(twins.one).code, 2) << "its paths are relative to its own folder";
  digest({twins.one, twins.two}, twins / "digests.json");
  EXPECT_EQ(twins.identified(twins.one).json.at(0).at("variant"), "first")
      << "a record of the model's folder";
}

TEST(WeightsIdentify, TrustsNoRecordThatIsOlderThanTheWeightsOrBroken) {
  const Twins twins;
  digest({twins.one}, twins / "a/digests.json");
  EXPECT_EQ(twins.identified(twins.one).code, 0);
  EXPECT_EQ(twins.identified(twins.two).code, 2) << "the record does not name it";
  fs::last_write_time(twins.one, fs::last_write_time(twins / "a/digests.json") + std::chrono::seconds{1});
  EXPECT_EQ(twins.identified(twins.one).code, 2);
  twins.write("a/digests.json", "{");
  const Answer broken = twins.identified(twins.one);
  EXPECT_EQ(broken.code, 2);
  EXPECT_THAT(broken.text, HasSubstr("a/digests.json: not used"));
}

TEST(WeightsIdentify, SaysNullForWhatIsUnknown) {
  const Weights weights;
  const Answer answer = ask({weights / "strange.safetensors"});
  const nlohmann::json& object = answer.json.at(0);
  EXPECT_EQ(object.at("how"), "unknown");
  for (const char* field : {"family", "variant", "role", "layout"})
    EXPECT_TRUE(object.at(field).is_null()) << field;
  EXPECT_EQ(object.at("parameters"), 7);
  EXPECT_THAT(answer.text, HasSubstr("F8_E4M3 7"));
}

TEST(WeightsIdentify, ReportsUnreadableFiles) {
  const Weights weights;
  ASSERT_EQ(::mkfifo((weights / "pipe").c_str(), 0600), 0);
  fs::create_symlink("nowhere", weights / "link");
  fs::create_directories(weights / "empty");
  for (const char* name : {"broken.safetensors", "pipe", "link", "empty", "missing"}) {
    const Answer answer = ask({weights / name});
    EXPECT_EQ(answer.code, 1) << name;
    EXPECT_EQ(answer.json.at(0).at("path"), weights / name);
    EXPECT_FALSE(answer.json.at(0).at("error").at("message").get<std::string>().empty());
    EXPECT_THAT(answer.text, HasSubstr("cannot be read"));
  }
  const nlohmann::json error = ask({weights / "broken.safetensors"}).json.at(0).at("error");
  EXPECT_EQ(error.at("category"), "bad_input");
  EXPECT_EQ(error.at("offset"), 0);
}

TEST(WeightsIdentify, GivesAnObjectForEachComponent) {
  const Weights weights;
  fs::create_directories(weights / "model/transformer");
  fs::create_directories(weights / "model/vae");
  fs::rename(weights / "known.safetensors",
             weights / "model/transformer/diffusion_pytorch_model.safetensors");
  weights.write("model/vae/diffusion_pytorch_model.safetensors", "short");
  const Answer answer = ask({weights / "model"});
  ASSERT_EQ(answer.json.size(), 2U) << "one broken component hides no other";
  EXPECT_EQ(answer.json[0].at("path"), weights / "model/transformer");
  EXPECT_EQ(answer.json[1].at("path"), weights / "model/vae");
  EXPECT_TRUE(answer.json[1].contains("error"));
  EXPECT_EQ(answer.code, 1);
}

TEST(WeightsIdentify, TakesPathsAsTheyAre) {
  const Weights weights;
  const std::string bytes = tests::safetensors_of({{"x", {1}}});
  EXPECT_EQ(ask({weights.write("[x]*?.safetensors", bytes)}).json.at(0).at("tensors"), 1);
  const nlohmann::json foreign = ask({weights.write("\xff.safetensors", bytes)}).json.at(0);
  EXPECT_THAT(foreign.at("path").get<std::string>(), HasSubstr("\xef\xbf\xbd.safetensors"));
}

TEST(WeightsIdentify, WritesNothingBesideTheWeights) {
  const Weights weights;
  const auto count = [&] {
    return std::distance(fs::directory_iterator{weights.path()}, fs::directory_iterator{});
  };
  const auto before = count();
  ask({weights / "known.safetensors", weights / "strange.safetensors"});
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace ditmill::jobs

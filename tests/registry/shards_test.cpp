#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "configs/error.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/weight_files.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;
using tests::safetensors_of;
using tests::TempFolder;

const std::string first = "model-00001-of-00002.safetensors";
const std::string second = "model-00002-of-00002.safetensors";
const std::string index_name = "model.safetensors.index.json";
const std::string good_map = R"({"a":")" + first + R"(","b":")" + second + R"("})";

/// A folder with two shards and an index of them.
struct Sharded : TempFolder {
  Sharded() {
    write(first, safetensors_of({{"a", {2}}}));
    write(second, safetensors_of({{"b", {3}}}));
    write(index_name, R"({"metadata":{"total_size":5},"weight_map":)" + good_map + "}");
  }
  void map(const std::string& weight_map) const { write(index_name, R"({"weight_map":)" + weight_map + "}"); }
};

std::vector<std::string> tensors(const WeightSet& set) {
  std::vector<std::string> names;
  for (const WeightFile& file : set.files) {
    for (const TensorInfo& tensor : file.tensors) names.push_back(tensor.name);
  }
  return names;
}

TEST(Shards, AreMergedByTheirIndex) {
  const Sharded folder;
  const WeightSet by_folder = read_weight_folder(folder.path());
  EXPECT_EQ(tensors(by_folder), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(by_folder.label, folder.path());
  EXPECT_EQ(by_folder.files[0].path, folder / first);
  EXPECT_EQ(by_folder.files[0].size, std::filesystem::file_size(folder / first));
  EXPECT_TRUE(by_folder.warnings.empty());
  EXPECT_EQ(read_shard_index(folder / index_name).label, folder / index_name);
}

TEST(Shards, AreMergedByTheirNumbersWithoutAnIndex) {
  const TempFolder folder;
  for (int i = 12; i >= 1; --i) {
    folder.write("model-" + std::to_string(i) + "-of-12.safetensors",
                 safetensors_of({{"t" + std::to_string(i), {1}}}));
  }
  const WeightSet set = read_weight_folder(folder.path());
  ASSERT_EQ(set.files.size(), 12U);
  EXPECT_EQ(tensors(set)[1], "t2") << "by number, not by name";
  EXPECT_EQ(tensors(set)[11], "t12");
}

TEST(Shards, GiveWarningsForWhatIsNotUsed) {
  const Sharded folder;
  folder.write("other.safetensors", safetensors_of({}));
  folder.write("pytorch_model.bin", "x");
  folder.write("training_args.bin", "x");
  folder.write("optimizer.pt", "x");
  folder.write(index_name, R"({"metadata":{"total_size":6},"weight_map":)" + good_map + "}");
  const WeightSet set = read_weight_folder(folder.path());
  EXPECT_THAT(set.warnings,
              testing::UnorderedElementsAre(HasSubstr("total_size is 6"), HasSubstr("other.safetensors"),
                                            HasSubstr("pytorch_model.bin")));
}

TEST(WeightFolder, PrefersUsualNames) {
  const TempFolder folder;
  folder.write("diffusion_pytorch_model.safetensors", safetensors_of({{"a", {1}}}));
  folder.write("diffusion_pytorch_model.fp16.safetensors", safetensors_of({{"b", {1}}}));
  const WeightSet set = read_weight_folder(folder.path());
  EXPECT_EQ(tensors(set), std::vector<std::string>{"a"});
  EXPECT_EQ(set.warnings.size(), 1U);
}

struct BadFolder {
  const char* name;
  std::function<void(const Sharded&)> damage;
  const char* words;
  const char* file;  ///< the file that the message names; empty: the folder
};

void PrintTo(const BadFolder& row, std::ostream* out) { *out << row.name; }

class BadShards : public testing::TestWithParam<BadFolder> {};

TEST_P(BadShards, AreRefused) {
  const Sharded folder;
  GetParam().damage(folder);
  try {
    read_weight_folder(folder.path());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.category()), 1) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(GetParam().words));
    const std::string file = GetParam().file;
    EXPECT_EQ(error.where().file, file.empty() ? folder.path() : folder / file);
  }
}

void without_index(const Sharded& folder) { std::filesystem::remove(folder / index_name); }

INSTANTIATE_TEST_SUITE_P(
    , BadShards,
    testing::Values(
        BadFolder{"IndexNotJson", [](const Sharded& f) { f.write(index_name, "weights"); }, "an object",
                  index_name.c_str()},
        BadFolder{"IndexWithBom",
                  [](const Sharded& f) { f.write(index_name, "\xef\xbb\xbf{\"weight_map\":{}}"); },
                  "an object", index_name.c_str()},
        BadFolder{"IndexWithNan",
                  [](const Sharded& f) { f.write(index_name, R"({"metadata":{"x":NaN},"weight_map":{}})"); },
                  "a JSON value", index_name.c_str()},
        BadFolder{"SecondValue", [](const Sharded& f) { f.write(index_name, R"({"weight_map":{}}{})"); },
                  "nothing after", index_name.c_str()},
        BadFolder{"NoWeightMap", [](const Sharded& f) { f.write(index_name, "{}"); }, "\"weight_map\"",
                  index_name.c_str()},
        BadFolder{"WeightMapIsAList", [](const Sharded& f) { f.map("[]"); }, "an object", index_name.c_str()},
        BadFolder{"EmptyWeightMap", [](const Sharded& f) { f.map("{}"); }, "an empty weight_map",
                  index_name.c_str()},
        BadFolder{"TensorTwice",
                  [](const Sharded& f) { f.map(R"({"a":")" + first + R"(","\u0061":")" + second + R"("})"); },
                  "every key once", index_name.c_str()},
        BadFolder{"NumberForAFile", [](const Sharded& f) { f.map(R"({"a":1})"); }, "file name",
                  index_name.c_str()},
        BadFolder{"AbsolutePath", [](const Sharded& f) { f.map(R"({"a":"/etc/passwd"})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"ParentFolder", [](const Sharded& f) { f.map(R"({"a":".."})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"PathUpwards", [](const Sharded& f) { f.map(R"({"a":"../m.safetensors"})"); },
                  "same folder", index_name.c_str()},
        BadFolder{"Subfolder", [](const Sharded& f) { f.map(R"({"a":"x/m.safetensors"})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"Backslash", [](const Sharded& f) { f.map(R"({"a":"x\\m.safetensors"})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"EmptyFileName", [](const Sharded& f) { f.map(R"({"a":""})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"NulInFileName", [](const Sharded& f) { f.map(R"({"a":"m\u0000"})"); }, "same folder",
                  index_name.c_str()},
        BadFolder{"ShardMissing", [](const Sharded& f) { std::filesystem::remove(f / second); },
                  "No such file", second.c_str()},
        BadFolder{"ShardMalformed", [](const Sharded& f) { f.write(second, "short"); }, "a file of 5 bytes",
                  second.c_str()},
        BadFolder{"ShardIsAPipe",
                  [](const Sharded& f) {
                    std::filesystem::remove(f / second);
                    ASSERT_EQ(::mkfifo((f / second).c_str(), 0600), 0);
                  },
                  "a named pipe", second.c_str()},
        BadFolder{"ShardLacksATensor", [](const Sharded& f) { f.write(second, safetensors_of({})); },
                  "no shard holds it", index_name.c_str()},
        BadFolder{"TensorIsInTheOtherShard",
                  [](const Sharded& f) { f.map(R"({"a":")" + second + R"(","b":")" + first + R"("})"); },
                  "it is in", index_name.c_str()},
        BadFolder{"TensorInTwoShards",
                  [](const Sharded& f) {
                    f.write(second, safetensors_of({{"a", {2}}, {"b", {3}}}));
                  },
                  "it is also in", second.c_str()},
        BadFolder{"TensorNotInTheIndex",
                  [](const Sharded& f) {
                    f.write(second, safetensors_of({{"b", {3}}, {"c", {1}}}));
                  },
                  "no mention of it", index_name.c_str()},
        BadFolder{"NumbersIncomplete",
                  [](const Sharded& f) {
                    without_index(f);
                    std::filesystem::remove(f / first);
                  },
                  "no shard 1", ""},
        BadFolder{"LastNumberMissing",
                  [](const Sharded& f) {
                    without_index(f);
                    std::filesystem::remove(f / second);
                  },
                  "no shard 2", ""},
        BadFolder{"NumberTwice",
                  [](const Sharded& f) {
                    without_index(f);
                    f.write("model-1-of-2.safetensors", safetensors_of({}));
                  },
                  "shards 1 to 2", ""},
        BadFolder{"TwinsWithoutAnIndex",
                  [](const Sharded& f) {
                    without_index(f);
                    f.write(second, safetensors_of({{"a", {2}}}));
                  },
                  "it is also in", second.c_str()},
        BadFolder{"ShardsAndASingleFile",
                  [](const Sharded& f) {
                    without_index(f);
                    f.write("model.safetensors", safetensors_of({}));
                  },
                  "both", ""},
        BadFolder{"TwoIndices",
                  [](const Sharded& f) {
                    std::filesystem::rename(f / index_name, f / "a.safetensors.index.json");
                    f.write("b.safetensors.index.json", "{}");
                  },
                  "one set of weights", ""}),
    [](const testing::TestParamInfo<BadFolder>& info) { return std::string{info.param.name}; });

TEST(WeightFile, IsNoCheckpointOfTorchWhereItsHeadersLengthSpellsAPickle) {
  const tests::TempFolder folder;
  for (const std::size_t length : {0x280U, 0x380U, 0x480U, 0x580U, 0x10280U}) {
    std::string json = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    json.resize(length, ' ');
    folder.write("model.safetensors", tests::safetensors_file(json, 1));
    const WeightSet set = read_weight_file(folder / "model.safetensors");
    ASSERT_EQ(set.files.size(), 1U) << length;
    EXPECT_EQ(set.files[0].tensors[0].name, "a") << length;
  }
}

TEST(ShardName, HasNumberAndCount) {
  EXPECT_EQ(parse_shard_name("m-00002-of-00010.safetensors"), (ShardName{"m", 2, 10}));
  EXPECT_EQ(parse_shard_name("a-b-1-of-1.safetensors"), (ShardName{"a-b", 1, 1}));
  for (const char* other :
       {"m.safetensors", "m-1-of-2.bin", "m-x-of-2.safetensors", "m-1-of-.safetensors", "1-of-2.safetensors",
        "-of-2.safetensors", "m--1-of-2x.safetensors", "m-9999999999-of-2.safetensors"}) {
    EXPECT_EQ(parse_shard_name(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace ditmill::registry

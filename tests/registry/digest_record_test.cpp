#include "registry/formats/digest_record.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/tools/digest_verify.h"
#include "registry/tools/file_digest.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Two files, one of more than two leaves, and their record.
struct Recorded : tests::TempFolder {
  Recorded() {
    write("a.safetensors",
          tests::safetensors_of({{"first", {leaf_bytes - 1000}}, {"second", {leaf_bytes}}, {"third", {10}}}));
    write("b.safetensors", tests::safetensors_of({{"w", {3}}}));
    const std::vector<std::string> paths{*this / "a.safetensors", *this / "b.safetensors"};
    record.files = digest_files(paths);
  }
  void flip(const std::string& name, std::uint64_t at) const {
    std::fstream file{*this / name, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(static_cast<std::streamoff>(at));
    file.put('\x55');
  }
  std::vector<FileFault> faults() const {
    const std::vector<std::string> all{path()};
    return verify_digests(all, record);
  }

  DigestRecord record;
};

std::string refusal_of(const nlohmann::json& json) {
  try {
    parse_digest_record(json.dump(), "/x/record.json");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(FileDigest, IsThatOfOneLeafAfterAnother) {
  const tests::TempFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{leaf_bytes},
                                 std::size_t{leaf_bytes + 1}, std::size_t{5 * leaf_bytes - 3}}) {
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) bytes[i] = static_cast<char>(i / 1000);
    const std::string path = folder.write("file", bytes);
    const DigestedFile digested = digest_whole_file(path);
    const FileDigest plain = digest_file(*memory_source("memory", std::as_bytes(std::span{bytes})));
    EXPECT_EQ(digested.sha256, sha256_hex(bytes)) << size;
    EXPECT_EQ(digested.digest.leaves, plain.leaves) << size;
    EXPECT_EQ(digested.digest.size, size);
    EXPECT_EQ(digested.root(), digest_root({&plain, 1}, "{}"));
  }
}

TEST(FileDigest, ThrowsWhatReadingThrows) {
  const std::vector<std::string> paths{"/nowhere/a", "/nowhere/b"};
  EXPECT_THROW(digest_files(paths), Error);
}

TEST(ModelDigest, IsAFixedFormat) {
  EXPECT_EQ(model_digest({{"vae", "sha256:22"}, {"dit", "sha256:11"}}),
            "sha256:" + sha256_hex("dit sha256:11\nvae sha256:22\n"));
  // Pins of before there were names: the transformer is spelt as it was, and stands where it stood.
  EXPECT_EQ(model_digest({{"text_encoder", "sha256:33"}, {"transformer", "sha256:11"}}),
            model_digest({{"dit", "sha256:11"}, {"text_encoder", "sha256:33"}}));
}

TEST(DigestRecord, ComesBackAsItWasWritten) {
  Recorded recorded;
  const std::map<std::string, std::string, std::less<>> roots{
      {"transformer", recorded.record.files[0].root()}};
  recorded.record.models.push_back(
      {.path = recorded.path(), .digest = model_digest(roots), .components = roots, .why = {}});
  recorded.record.models.push_back({.path = recorded.path(), .digest = {}, .components = {}, .why = "no"});
  const nlohmann::json json = to_json(recorded.record, recorded.path());
  EXPECT_EQ(json.at("files")[0].at("path"), "a.safetensors");
  EXPECT_EQ(to_json(recorded.record, "/elsewhere").at("files")[0].at("path"), recorded / "a.safetensors");
  const DigestRecord read = parse_digest_record(json.dump(), recorded / "record.json");
  EXPECT_EQ(read.files[0].path, recorded / "a.safetensors");
  EXPECT_EQ(to_json(read, recorded.path()), json);
}

TEST(DigestRecord, RefusesWhatItDidNotWrite) {
  const Recorded recorded;
  const nlohmann::json good = to_json(recorded.record, "");
  EXPECT_EQ(refusal_of(good), "");
  const auto with = [&good](const char* field, const nlohmann::json& value) {
    nlohmann::json changed = good;
    changed["files"][0][field] = value;
    return refusal_of(changed);
  };
  EXPECT_THAT(with("bytes", -1), HasSubstr("files.0.bytes"));
  EXPECT_THAT(with("bytes", 5), HasSubstr("files.0.leaves"));
  EXPECT_THAT(with("sha256", "xyz"), HasSubstr("files.0.sha256"));
  EXPECT_THAT(with("leaves", nlohmann::json::array({1, 2, 3})), HasSubstr("files.0.leaves"));
  EXPECT_THAT(with("leaves", "x"), HasSubstr("a list"));
  EXPECT_THAT(with("root", good["files"][1]["root"]), HasSubstr("that of the leaves"));
  EXPECT_THAT(with("note", 1), HasSubstr("5 fields, got 6"));
  EXPECT_THAT(with("path", std::string{"a\0b", 3}), HasSubstr("files.0.path"));
  EXPECT_THAT(refusal_of(nlohmann::json::array()), HasSubstr("an object"));
  nlohmann::json changed = good;
  changed["format"] = "something else";
  EXPECT_THAT(refusal_of(changed), HasSubstr("ditmill weights digest 1"));
  changed = good;
  changed["models"].push_back(
      {{"path", "x"}, {"digest", "sha256:00"}, {"components", nlohmann::json::object()}});
  EXPECT_THAT(refusal_of(changed), HasSubstr("models.0.digest"));
  changed = good;
  changed.erase("files");
  EXPECT_THAT(refusal_of(changed), HasSubstr("files"));
}

TEST(DigestRecord, NamesAFolderInOneWay) {
  const tests::TempFolder folder;
  std::filesystem::create_directory(folder / "a");
  std::filesystem::create_symlink(folder / "a", folder / "link");
  for (const char* way : {"a", "a/", "a/.", "a/../a", "link/", "link/.", "nowhere/../a"}) {
    EXPECT_EQ(whole_path(folder / way), folder / "a") << way;
  }
  EXPECT_EQ(whole_path(folder / "link"), folder / "link");
  EXPECT_EQ(whole_path(folder / "link/w"), folder / "a/w");
  EXPECT_EQ(whole_path("/"), "/");
}

TEST(VerifyDigests, FindsNothingInWholeFiles) { EXPECT_THAT(Recorded{}.faults(), IsEmpty()); }

TEST(VerifyDigests, NamesTheTensorsAndBytesOfADamagedLeaf) {
  const Recorded recorded;
  recorded.flip("a.safetensors", leaf_bytes + 100'000);
  const std::vector<FileFault> faults = recorded.faults();
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].path, recorded / "a.safetensors");
  ASSERT_THAT(faults[0].ranges, SizeIs(1));
  EXPECT_EQ(faults[0].ranges[0].begin, leaf_bytes);
  EXPECT_EQ(faults[0].ranges[0].end, std::filesystem::file_size(recorded / "a.safetensors"));
  EXPECT_FALSE(faults[0].ranges[0].header);
  EXPECT_THAT(faults[0].ranges[0].tensors, ElementsAre("second", "third"));
  recorded.flip("a.safetensors", 50'000);
  const std::vector<FileFault> more = recorded.faults();
  ASSERT_THAT(more[0].ranges, SizeIs(1)) << "neighbours are one";
  EXPECT_EQ(more[0].ranges[0].begin, 0U);
  EXPECT_TRUE(more[0].ranges[0].header);
  EXPECT_THAT(more[0].ranges[0].tensors, ElementsAre("first", "second", "third"));
}

TEST(VerifyDigests, SaysWhatItCanOfADamagedHeader) {
  const Recorded recorded;
  recorded.flip("b.safetensors", 9);
  const std::vector<FileFault> faults = recorded.faults();
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_THAT(faults[0].what, HasSubstr("no tensors can be named"));
  EXPECT_THAT(faults[0].ranges, SizeIs(1));
}

TEST(VerifyDigests, FindsMissingCutAndNewFiles) {
  const Recorded recorded;
  std::filesystem::resize_file(recorded / "a.safetensors", leaf_bytes + 5);
  std::filesystem::remove(recorded / "b.safetensors");
  std::vector<FileFault> faults = recorded.faults();
  ASSERT_THAT(faults, SizeIs(2));
  EXPECT_EQ(faults[0].what, "it is missing");
  EXPECT_THAT(faults[1].what, HasSubstr("it has 4194309 bytes, not"));
  const Recorded extended;
  extended.write("c.safetensors", tests::safetensors_of({{"blocks.0.attn.weight", {4, 4}}}));
  faults = extended.faults();
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].path, extended / "c.safetensors");
}

TEST(VerifyDigests, ComparesOnlyWhatIsAtThePaths) {
  const Recorded recorded;
  recorded.flip("a.safetensors", 100'000);
  const std::vector<std::string> b{recorded / "b.safetensors"};
  EXPECT_THAT(verify_digests(b, recorded.record), IsEmpty());
  EXPECT_THAT(recorded_at(b, recorded.record), SizeIs(1));
  EXPECT_THROW(verify_digests(std::vector<std::string>{recorded / "b"}, recorded.record), Error);
}

}  // namespace
}  // namespace ditmill::registry

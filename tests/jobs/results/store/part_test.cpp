#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <fstream>
#include <functional>
#include <numeric>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/hdf5/h5_dataset.h"
#include "jobs/results/store/hdf5/h5_memory_file.h"
#include "jobs/results/store/part_reader.h"
#include "jobs/results/store/part_writer.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;

using Shape = PartReader::Shape;

std::vector<std::uint8_t> bytes_of(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

PartOutput file_of(const std::vector<std::uint8_t>& bytes, h5::Attributes attributes = {}) {
  return {.name = "video",
          .bytes = std::as_bytes(std::span(bytes)),
          .shape = {static_cast<std::int64_t>(bytes.size())},
          .attributes = std::move(attributes)};
}

std::string xxh128(const void* data, std::size_t size) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
  std::string text;
  char digits[3];
  for (const unsigned char byte : canonical.digest) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

struct PartTest : ::testing::Test {
  PartWriter writer(int gzip = 0) { return PartWriter(path, gzip, {{"layer", 1}}, "1.2.3", memory); }
  std::string write(const PartItem& item, int gzip = 0) {
    PartWriter part = writer(gzip);
    std::string content = part.add(item);
    part.seal();
    return content;
  }
  void expect_error(const std::function<void()>& action, Category category, const std::string& words) {
    try {
      action();
      ADD_FAILURE() << "no error with " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), category) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr(folder.path())) << "the file must be named";
    }
  }

  TempFolder folder;
  h5::Buffer memory;
  std::string path = folder.path() + "/parts/e0001-g000/000001.h5";
  std::vector<std::uint8_t> frames = bytes_of(std::size_t{2} * 3 * 4 * 3);
  std::vector<float> latents = {1, -2, 3.5F, 0, 5, 6};
  PartItem both{
      .id = "a.b~c-1",
      .outputs = {{.name = "frames", .bytes = std::as_bytes(std::span(frames)), .shape = {2, 3, 4, 3}},
                  {.name = "latents", .bytes = std::as_bytes(std::span(latents)), .shape = {1, 2, 3, 1}}},
      .attributes = {
          {"prompt", "ein “Käfer” 🐞"}, {"seed", std::int64_t{9'223'372'036'854'775'807}}, {"guidance", 0.1}}};
};

TEST_F(PartTest, GivesBackWhatWasStored) {
  for (const int gzip : {0, 1, 9}) {
    path = folder.path() + "/gzip" + std::to_string(gzip) + ".h5";
    write(both, gzip);
    const PartReader part(path);
    EXPECT_THAT(part.items(), ElementsAre("a.b~c-1"));
    EXPECT_EQ(part.shape("a.b~c-1", "frames"), (Shape{2, 3, 4, 3}));
    EXPECT_EQ(part.frames("a.b~c-1"), frames);
    EXPECT_EQ(part.frame("a.b~c-1", 1), std::vector<std::uint8_t>(frames.begin() + 36, frames.end()));
    EXPECT_EQ(part.shape("a.b~c-1", "latents"), (Shape{1, 2, 3, 1}));
    EXPECT_EQ(part.latents("a.b~c-1"), latents);
    const h5::Attributes attributes = part.attributes("a.b~c-1");
    for (const auto& attribute : both.attributes) EXPECT_THAT(attributes, Contains(attribute));
    EXPECT_THAT(attributes, Contains(Key("seconds_store")));
  }
}

TEST_F(PartTest, HashesFramesThenLatentsWhateverTheCompression) {
  std::string joined(frames.begin(), frames.end());
  joined.append(reinterpret_cast<const char*>(latents.data()), latents.size() * sizeof(float));
  EXPECT_EQ(write(both), xxh128(joined.data(), joined.size()));
  EXPECT_EQ(PartReader(path).content("a.b~c-1"), xxh128(joined.data(), joined.size()));
  path += "z";
  EXPECT_EQ(write(both, 9), xxh128(joined.data(), joined.size()));
}

TEST_F(PartTest, KeepsAVideoAsItsBytesAndHashesItLast) {
  const h5::Attributes attributes{{"codec", "h264"}, {"crf", std::int64_t{18}}, {"fps", 23.976}};
  for (const std::size_t size : {std::size_t{1}, std::size_t{1001}, (std::size_t{5} << 19) + 1}) {
    path = folder.path() + "/video" + std::to_string(size) + ".h5";
    const std::vector<std::uint8_t> video = bytes_of(size);
    both.outputs.resize(2);
    both.outputs.push_back(file_of(video, attributes));
    std::string joined(frames.begin(), frames.end());
    joined.append(reinterpret_cast<const char*>(latents.data()), latents.size() * sizeof(float));
    joined.append(video.begin(), video.end());
    EXPECT_EQ(write(both, 9), xxh128(joined.data(), joined.size()));
    const PartReader part(path);
    EXPECT_EQ(part.content("a.b~c-1"), xxh128(joined.data(), joined.size()));
    EXPECT_EQ(part.shape("a.b~c-1", "video"), (Shape{static_cast<std::int64_t>(size)}));
    EXPECT_EQ(part.video("a.b~c-1"), video);
    EXPECT_EQ(part.video_attributes("a.b~c-1"), attributes);
  }
}

TEST_F(PartTest, NoticesADamagedVideo) {
  const std::vector<std::uint8_t> video = {201, 13, 7, 250, 3, 99, 180, 45};
  both.outputs.push_back(file_of(video));
  write(both);
  std::string damaged = durable::read_file(path);
  const std::size_t at = damaged.find(std::string(video.begin(), video.end()));
  ASSERT_NE(at, std::string::npos);
  damaged[at + 3] = static_cast<char>(damaged[at + 3] ^ 1);
  durable::write_file(path, damaged);
  expect_error([&] { PartReader(path).video("a.b~c-1"); }, Category::bad_input, "checksum");
  expect_error([&] { PartReader(path).content("a.b~c-1"); }, Category::bad_input, "checksum");
}

TEST_F(PartTest, KeepsOnlyWhatIsAskedFor) {
  PartItem only_latents = both;
  only_latents.outputs.erase(only_latents.outputs.begin());
  write(only_latents);
  const PartReader part(path);
  EXPECT_EQ(part.shape("a.b~c-1", "frames"), std::nullopt);
  EXPECT_EQ(part.shape("a.b~c-1", "video"), std::nullopt);
  EXPECT_EQ(part.content("a.b~c-1"), xxh128(latents.data(), latents.size() * sizeof(float)));
  expect_error([&] { part.frames("a.b~c-1"); }, Category::bad_input, "frames");
}

TEST_F(PartTest, IsNotThereBeforeItIsSealed) {
  {
    PartWriter part = writer();
    part.add(both);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_THAT(files_below(folder.path()), IsEmpty());
}

TEST_F(PartTest, SaysItsSize) {
  PartWriter part = writer();
  part.add(both);
  const std::uint64_t size = part.seal().bytes;
  EXPECT_EQ(size, std::filesystem::file_size(path));
  EXPECT_THAT(files_below(folder.path()), ElementsAre("parts/e0001-g000/000001.h5"));
}

TEST_F(PartTest, RefusesShapesThatDoNotFitTheBytes) {
  for (const Shape& shape : {Shape{2, 3, 4, 4}, Shape{0, 3, 4, 3}, Shape{-2, -3, 4, 3}, Shape{24, 3},
                             Shape{std::int64_t{1} << 62, 4, 4, 3}}) {
    both.outputs.front().shape = shape;
    expect_error([&] { writer().add(both); }, Category::internal, "a.b~c-1");
  }
}

TEST_F(PartTest, RefusesTheSameIdTwice) {
  PartWriter part = writer();
  part.add(both);
  expect_error([&] { part.add(both); }, Category::io, "already exists");
}

TEST_F(PartTest, RefusesTextThatHdf5CannotHold) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff")}) {
    both.attributes = {{"prompt", text}};
    expect_error([&] { writer().add(both); }, Category::internal, "prompt");
  }
}

TEST_F(PartTest, IsNotThereIfItCannotBeWritten) {
  PartWriter part = writer();
  part.add(both);
  std::filesystem::create_directories(path + "/in the way");
  expect_error([&] { part.seal(); }, Category::io, "rename");
  EXPECT_THAT(files_below(folder.path()), IsEmpty());
}

TEST_F(PartTest, NoticesEveryDamagedByteOfADataset) {
  write(both);
  const std::string whole = durable::read_file(path);
  const std::string stored(frames.begin(), frames.begin() + 36);
  const std::size_t at = whole.find(stored);
  ASSERT_NE(at, std::string::npos) << "an uncompressed frame lies in the file as it is";
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string damaged = whole;
    damaged[at + i] = static_cast<char>(damaged[at + i] ^ 0x10);
    durable::write_file(path, damaged);
    const PartReader part(path);
    expect_error([&] { part.frames("a.b~c-1"); }, Category::bad_input, "checksum");
    expect_error([&] { part.content("a.b~c-1"); }, Category::bad_input, "checksum");
  }
}

TEST_F(PartTest, RefusesAPartThatIsCutAnywhere) {
  write(both);
  const std::string whole = durable::read_file(path);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    durable::write_file(path, whole.substr(0, size));
    expect_error([&] { PartReader(path).content("a.b~c-1"); }, Category::bad_input, "");
  }
}

TEST_F(PartTest, SaysWhatIsMissing) {
  expect_error([&] { PartReader part(path); }, Category::not_found, "open an HDF5 file");
  write(both);
  expect_error([&] { PartReader(path).attributes("nobody"); }, Category::bad_input, "nobody");
  expect_error([&] { PartReader(path).frame("a.b~c-1", 2); }, Category::bad_input, "one of 2");
}

struct Foreign {
  const char* name = nullptr;
  hid_t type = H5I_INVALID_HID;
  h5::Layout layout;
  const char* words = nullptr;
};

TEST_F(PartTest, RefusesForeignDatasets) {
  const std::vector<float> data(24, 1);
  const Foreign cases[] = {
      {"rank", H5T_STD_U8LE, {{24}, {24}, 0}, "4 dimensions"},
      {"type", H5T_IEEE_F32LE, {{1, 2, 4, 3}, {1, 2, 4, 3}, 0}, "uint8"},
  };
  for (const Foreign& foreign : cases) {
    const std::string file_path = folder.path() + "/" + foreign.name;
    {
      h5::MemoryFile file(file_path, memory);
      const h5::Group items = h5::create_group(file.get(), "items", file_path);
      const h5::Group item = h5::create_group(items.get(), "a", file_path);
      h5::write_dataset(item.get(), "frames", foreign.type, foreign.layout, data.data(), file_path);
      durable::write_file(file_path, file.finish());
    }
    expect_error([&] { PartReader(file_path).frames("a"); }, Category::bad_input, foreign.words);
  }
}

TEST_F(PartTest, DoesNotBelieveAShapeThatItsBytesCannotFill) {
  {
    h5::MemoryFile file("bomb", memory);
    const h5::Group items = h5::create_group(file.get(), "items", "bomb");
    const h5::Group item = h5::create_group(items.get(), "a", "bomb");
    const hsize_t shape[] = {1'000'000, 1'000'000, 1'000'000, 3};
    const hsize_t chunk[] = {1, 100, 100, 3};
    const h5::Space space(H5Screate_simple(4, shape, nullptr));
    const h5::Properties creation(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(creation.get(), 4, chunk);
    const h5::Dataset dataset(H5Dcreate2(item.get(), "frames", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                         creation.get(), H5P_DEFAULT));
    ASSERT_TRUE(dataset);
    durable::write_file(folder.path() + "/bomb", file.finish());
  }
  expect_error([&] { PartReader(folder.path() + "/bomb").frames("a"); }, Category::bad_input, "stored bytes");
}

TEST_F(PartTest, HoldsListsOfAnyLengthAsAttributes) {
  std::vector<std::string> many(20'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = "id-" + std::to_string(i);
  h5::MemoryFile file("list", memory);
  h5::write_attribute(file.get(), "none", std::vector<std::string>{}, "list");
  h5::write_attribute(file.get(), "many", many, "list");
  EXPECT_GT(file.finish().size(), many.size() * 16);
}

}  // namespace
}  // namespace ditmill::jobs::results

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/safetensors_writer.h"
#include "registry/formats/torch/pth.h"
#include "registry/formats/torch/pth_writer.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

class Writers : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = (fs::temp_directory_path() / "ditmill-writers-XXXXXX").native();
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder_ = form;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).native(); }

  fs::path folder_;
};

const std::vector<NewTensor> some{{"b.weight", ElementType::bf16, {3, 1}},
                                  {"scalar", ElementType::f32, {}},
                                  {"empty", ElementType::f16, {0, 7}},
                                  {"a\"quoted", ElementType::f64, {300}},
                                  {"bytes", ElementType::u8, {5}}};

/// Bytes that tell which tensor they are of.
std::vector<std::byte> bytes_for(std::size_t index) {
  return std::vector<std::byte>(bytes_of(some[index]), static_cast<std::byte>(index + 1));
}

void give_some(std::size_t index, TensorSink& sink) {
  const std::vector<std::byte> bytes = bytes_for(index);
  sink.put(std::span{bytes}.first(bytes.size() / 2));
  sink.put(std::span{bytes}.subspan(bytes.size() / 2));
}

/// Expects the tensors of `some`, whatever their order.
void expect_some(const ByteSource& source, const std::vector<TensorInfo>& tensors) {
  EXPECT_EQ(tensors.size(), some.size());
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto found = std::ranges::find(tensors, some[i].name, &TensorInfo::name);
    ASSERT_NE(found, tensors.end()) << some[i].name;
    EXPECT_EQ(found->type, some[i].type);
    EXPECT_EQ(found->shape, some[i].shape);
    std::vector<std::byte> bytes(found->end - found->begin);
    source.read_at(found->begin, bytes);
    EXPECT_EQ(bytes, bytes_for(i)) << some[i].name;
  }
}

TEST_F(Writers, SafetensorsAreReadBackAndAligned) {
  write_safetensors(path("a.safetensors"), some, {{"more", "1"}}, give_some);
  const auto source = open_file(path("a.safetensors"));
  const SafetensorsHeader header = read_safetensors_header(*source);
  expect_some(*source, header.tensors);
  EXPECT_EQ(header.metadata, R"({"format":"pt","more":"1"})");
  for (const TensorInfo& tensor : header.tensors)
    EXPECT_EQ(tensor.begin % (static_cast<std::uint64_t>(bits(tensor.type)) / 8), 0U) << tensor.name;
}

TEST_F(Writers, CheckpointsAreReadBackAndAligned) {
  write_pth(path("a.pth"), some, give_some);
  const auto source = open_file(path("a.pth"));
  const PthHeader header = read_pth_header(*source);
  expect_some(*source, header.tensors);
  EXPECT_THAT(header.others, testing::IsEmpty());
  for (const TensorInfo& tensor : header.tensors) EXPECT_EQ(tensor.begin % 64, 0U) << tensor.name;
}

TEST_F(Writers, HolesTakeNoSpaceAndArchivesGoBeyondFourGigabytes) {
  const std::vector<NewTensor> large{{"large", ElementType::bf16, {std::uint64_t{5} << 30}},
                                     {"small", ElementType::u8, {3}}};
  const TensorBytes holes = [&](std::size_t index, TensorSink& sink) { sink.zeros(bytes_of(large[index])); };
  write_pth(path("a.pth"), large, holes);
  write_safetensors(path("a.safetensors"), large, {}, holes);
  const auto source = open_file(path("a.pth"));
  const PthHeader header = read_pth_header(*source);
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[0].end - header.tensors[0].begin, std::uint64_t{10} << 30);
  EXPECT_GT(header.tensors[1].begin, std::uint64_t{10} << 30);
  EXPECT_EQ(read_safetensors_header(*open_file(path("a.safetensors"))).tensors.size(), 2U);
  for (const char* name : {"a.pth", "a.safetensors"}) {
    struct stat status {};
    ASSERT_EQ(::stat(path(name).c_str(), &status), 0);
    EXPECT_LT(status.st_blocks * 512, 1 << 20) << name;
  }
}

TEST_F(Writers, NothingIsOverwrittenAndNothingIsLeft) {
  std::ofstream{path("taken.pth")} << "mine";
  EXPECT_THROW(write_pth(path("taken.pth"), some, give_some), Error);
  const auto fails = [](std::size_t, TensorSink&) { throw Error{Category::io, "read"}; };
  EXPECT_THROW(write_safetensors(path("b.safetensors"), some, {}, fails), Error);
  const auto too_few = [](std::size_t, TensorSink&) {};
  EXPECT_THROW(write_pth(path("c.pth"), some, too_few), Error);
  const std::vector<NewTensor> narrow{{"x", ElementType::f8_e4m3, {2}}};
  EXPECT_THROW(write_pth(path("d.pth"), narrow, give_some), Error);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{folder_}) names.push_back(entry.path().filename().native());
  EXPECT_THAT(names, testing::ElementsAre("taken.pth"));
}

TEST(NewTensors, OfSizesThatWrapAreRefused) {
  EXPECT_THROW(bytes_of({"x", ElementType::f32, {std::uint64_t{1} << 40, std::uint64_t{1} << 40}}), Error);
  EXPECT_THROW(bytes_of({"x", ElementType::f4, {3}}), Error);
}

}  // namespace
}  // namespace ditmill::registry

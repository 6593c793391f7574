#include "registry/components/read_through.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "configs/error.h"
#include "registry/components/load_component.h"
#include "registry/identity/catalog.h"
#include "tests/jobs/temp_folder.h"
#include "tests/registry/safetensors_text.h"

namespace ditmill::registry {
namespace {

using testing::HasSubstr;

LoadedComponent load(const std::string& file) {
  return load_component({.place = {.path = file}, .name = "part"}, Catalog::built_in());
}

TEST(ReadThrough, ReadsTheBytesOfAllTensors) {
  const tests::TempFolder folder;
  const std::string file =
      folder.write("a.safetensors", tests::safetensors_of({{"a.weight", {3000, 3000}}, {"b.weight", {5}}}));
  EXPECT_EQ(read_through(load(file)).bytes, 9'000'005U);
}

TEST(ReadThrough, LeavesOutWhatNoLayerTakes) {
  const tests::TempFolder folder;
  LoadedComponent one = load(folder.write(
      "a.safetensors", tests::safetensors_of({{"a.weight", {7}}, {"b.weight", {5}}, {"c.weight", {1}}})));
  one.bound = true;
  one.tensors.unexpected = {"b.weight"};
  EXPECT_EQ(read_through(one).bytes, 8U);
}

TEST(ReadThrough, ReadsSharedBytesOnce) {
  const tests::TempFolder folder;
  LoadedComponent one =
      load(folder.write("a.safetensors", tests::safetensors_of({{"a.weight", {7}}, {"b.weight", {5}}})));
  TensorInfo view = one.component.files.front().tensors.front();
  view.name = "a.view";
  one.component.files.front().tensors.push_back(view);
  EXPECT_EQ(read_through(one).bytes, 12U);
}

TEST(ReadThrough, RefusesAFileThatHasChangedSinceItsHeaderWasRead) {
  const tests::TempFolder folder;
  const std::string file = folder.write("a.safetensors", tests::safetensors_of({{"a.weight", {100}}}));
  const LoadedComponent one = load(file);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 10);
  try {
    read_through(one);
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_THAT(error.what(), HasSubstr(file));
  }
}

TEST(ReadThrough, SaysWhereBytesAreNotThere) {
  const tests::TempFolder folder;
  LoadedComponent one = load(folder.write("a.safetensors", tests::safetensors_of({{"a.weight", {100}}})));
  one.component.files.front().tensors.front().end += 50;
  try {
    read_through(one);
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_TRUE(error.where().offset.has_value());
  }
}

}  // namespace
}  // namespace ditmill::registry

#include "jobs/requests/items/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/dump.h"
#include "jobs/requests/items/frozen_item.h"
#include "jobs/requests/items/item.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/requests/list/prompt_list.h"
#include "registry/byte_source.h"
#include "registry/digest.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::requests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A picture of 2 x 3 pixels.
const std::string png{
    "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00\x00\x03\x08\x02"
    "\x00\x00\x00\x36\x88\x49\xd6\x00\x00\x00\x14\x49\x44\x41\x54\x78\x9c\x63\xe4\x12\x91\x63\x60\x60\x60\x62"
    "\x60\x60\x40\x50\x00\x04\xb4\x00\x42\xbf\x3e\x51\x24\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82",
    77};

struct InputFilesTest : ::testing::Test {
  std::string write(const std::string& name, const std::string& bytes = png) {
    std::string path = folder / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  ItemList read(const std::string& text, ListFormat format) {
    ItemDefaults defaults;
    defaults.directory = folder.path();
    defaults.required = required;
    const auto source = registry::memory_source("list", std::as_bytes(std::span(text)));
    PromptList list = read_prompt_list(*source, format, defaults, problems);
    return std::move(list.items);
  }

  static configs::FileValue image_of(const Item& item) {
    return std::get<configs::FileValue>(item.request.more.at("image"));
  }

  tests::TempFolder folder;
  std::set<std::string, std::less<>> required;
  std::vector<Problem> problems;
};

TEST_F(InputFilesTest, KnowsAPictureByTheBytesOfItsFile) {
  const std::string path = write("in/cat.png");
  InputFiles files;
  const InputFile& file = files.look(folder.path(), "in/../in/cat.png");
  EXPECT_FALSE(file.fault);
  EXPECT_EQ(file.value, (configs::FileValue{.path = path, .sha256 = registry::sha256_hex(png)}));
  EXPECT_EQ(file.width, 2);
  EXPECT_EQ(file.height, 3);
  EXPECT_EQ(&files.look("/elsewhere", path), &file) << "each file is looked at once";
}

TEST_F(InputFilesTest, IsNamedInListsOfAnyForm) {
  const std::string path = write("cat.png");
  const ItemList lines = read("{\"prompt\": \"a cat\", \"image\": \"cat.png\"}\n", ListFormat::json_lines);
  const ItemList table = read("prompt,image\na cat,cat.png\n", ListFormat::csv);
  EXPECT_THAT(problems, IsEmpty());
  for (const ItemList* list : {&lines, &table}) {
    ASSERT_EQ(list->size(), 1U);
    EXPECT_EQ(image_of((*list)[0]).path, path);
    EXPECT_EQ(image_of((*list)[0]).sha256, registry::sha256_hex(png));
  }
}

TEST_F(InputFilesTest, EveryFaultHasItsLine) {
  write("cat.png");
  write("cut.png", png.substr(0, 20));
  write("text.png", "not a picture");
  read(
      "{\"prompt\": \"a\", \"image\": \"cat.png\"}\n{\"prompt\": \"b\", \"image\": \"dog.png\"}\n"
      "{\"prompt\": \"c\", \"image\": \"cut.png\"}\n{\"prompt\": \"d\", \"image\": \"text.png\"}\n"
      "{\"prompt\": \"e\", \"image\": 5}\n{\"prompt\": \"f\", \"image\": \"~/cat.png\"}\n",
      ListFormat::json_lines);
  std::vector<int> lines;
  for (const Problem& problem : problems) {
    lines.push_back(problem.line);
    EXPECT_THAT(problem.message, HasSubstr("image"));
  }
  EXPECT_THAT(lines, ElementsAre(2, 3, 4, 5, 6));
}

TEST_F(InputFilesTest, AModelsRequestsMayNotBeWithoutOne) {
  write("cat.png");
  required = {"image"};
  const ItemList list =
      read("{\"prompt\": \"a\", \"image\": \"cat.png\"}\n{\"prompt\": \"b\"}\n", ListFormat::json_lines);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 2);
  EXPECT_THAT(problems[0].message, HasSubstr("image is missing"));
}

TEST_F(InputFilesTest, TheKeyHoldsTheBytesAndNotTheName) {
  write("cat.png");
  write("same.png");
  write("other.png", png + "x");  // behind the end of a picture nothing is looked at
  ItemList list = read("prompt,id,image\na,1,cat.png\na,2,same.png\na,3,other.png\na,4,\n", ListFormat::csv);
  EXPECT_THAT(problems, IsEmpty());
  const nlohmann::json job = job_identity({}, {});
  list.set_keys(ItemKeys{job});
  EXPECT_EQ(list[0].key, list[1].key);
  EXPECT_NE(list[0].key, list[2].key);
  EXPECT_NE(list[0].key, list[3].key);
  nlohmann::json identity = job;
  identity.update(request_identity(list[0].request));
  EXPECT_EQ(identity.at("image"), registry::sha256_hex(png));
  EXPECT_EQ(list[0].key, registry::sha256_hex(identity.dump())) << "of its canonical JSON";
}

TEST_F(InputFilesTest, IsFrozenWithPathAndDigest) {
  const std::string path = write("cat.png");
  ItemList list = read("prompt,image\na cat,cat.png\n", ListFormat::csv);
  list.set_keys(ItemKeys{job_identity({}, {})});
  std::string frozen;
  append_frozen_item(frozen, list.packed()[0]);
  std::filesystem::remove(path);
  ItemList again = read(frozen, ListFormat::json_lines);
  EXPECT_THAT(problems, IsEmpty()) << "a frozen list needs no file to be there";
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].request, list[0].request);
  again.set_keys(ItemKeys{job_identity({}, {})});
  EXPECT_EQ(again[0].key, list[0].key);
  EXPECT_EQ(request_from_json(configs::dump_layer3(list[0].request)), list[0].request);
  EXPECT_EQ(nlohmann::json::parse(inputs_json(list[0].request.more)),
            (nlohmann::json{{"image", {{"path", path}, {"sha256", registry::sha256_hex(png)}}}}));
}

}  // namespace
}  // namespace ditmill::jobs::requests

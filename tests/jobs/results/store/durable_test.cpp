#include "jobs/results/files/durable.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <functional>

#include "configs/error.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results::durable {
namespace {

struct DurableTest : ::testing::Test {
  std::string at(const std::string& name) const { return folder.path() + "/" + name; }
  TempFolder folder;
};

Category category_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_FALSE(error.where().file.empty()) << error.what();
    return error.category();
  }
  ADD_FAILURE() << "no error";
  return Category::internal;
}

TEST_F(DurableTest, WritesWholeFilesOverOldOnes) {
  write_file(at("a"), "one, which is longer");
  write_file(at("a"), std::string("two\0", 4));
  EXPECT_EQ(read_file(at("a")), std::string("two\0", 4));
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"a"});
}

TEST_F(DurableTest, ReadsFilesWhoseSizeIsNotKnownBefore) { EXPECT_NE(read_file("/proc/self/stat"), ""); }

TEST_F(DurableTest, KeepsTheOldFileWhenTheRenameFails) {
  // A folder that is not empty cannot be replaced by a file.
  std::filesystem::create_directories(at("target/child"));
  EXPECT_EQ(category_of([&] { write_file(at("target"), "new"); }), Category::io);
  EXPECT_TRUE(std::filesystem::is_directory(at("target/child")));
  EXPECT_FALSE(std::filesystem::exists(at("target.tmp")));
}

TEST_F(DurableTest, KeepsTheOldFileWhenTheNewOneIsNotThere) {
  write_file(at("a"), "old");
  EXPECT_EQ(category_of([&] { publish(at("missing.tmp"), at("a")); }), Category::not_found);
  EXPECT_EQ(read_file(at("a")), "old");
}

TEST_F(DurableTest, SaysWhichFileIsMissing) {
  EXPECT_EQ(category_of([&] { read_file(at("none")); }), Category::not_found);
  EXPECT_EQ(category_of([&] { write_file(at("no/such/folder"), ""); }), Category::not_found);
  EXPECT_EQ(category_of([&] { sync_folder(at("none")); }), Category::not_found);
}

TEST_F(DurableTest, CreatesAFileOnlyOnce) {
  EXPECT_TRUE(File::create(at("a")));
  EXPECT_FALSE(File::create(at("a")));
}

TEST_F(DurableTest, ReportsAFullDisk) {
  const File full = File::open("/dev/full", O_WRONLY);
  EXPECT_EQ(category_of([&] { full.write("x"); }), Category::no_space);
}

}  // namespace
}  // namespace ditmill::jobs::results::durable

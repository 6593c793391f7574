#include "jobs/run/merge/merge_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "configs/error.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

struct BuildFolderTest : ::testing::Test {
  void build(const std::string& file) const {
    BuildFolder build(path);
    fs::create_directories(build.path());
    results::durable::write_file(build.path() + "/" + file, "");
    build.publish();
  }

  TempFolder folder;
  std::string path = folder.path() + "/all";
};

TEST_F(BuildFolderTest, LeavesTheFinishedFolderAlone) {
  build("new");
  EXPECT_THAT(files_below(folder.path()), ElementsAre("all/new"));
  EXPECT_FALSE(fs::exists(path + ".tmp"));
}

TEST_F(BuildFolderTest, LeavesNothingIfItIsNotPublished) {
  {
    const BuildFolder build(path);
    fs::create_directories(build.path());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST_F(BuildFolderTest, BuildsAnewOverWhatAKillLeftAtAnyMoment) {
  const std::vector<std::vector<std::string>> left{
      {}, {".ditmill-merge"}, {".ditmill-merge", "run/old"}, {".ditmill-merge", "run/parts/old"}};
  for (const auto& files : left) {
    fs::create_directory(path + ".tmp");
    for (const std::string& file : files) {
      fs::create_directories(fs::path(path + ".tmp/" + file).parent_path());
      results::durable::write_file(path + ".tmp/" + file, "");
    }
    build("new");
    EXPECT_THAT(files_below(folder.path()), ElementsAre("all/new"));
    fs::remove_all(path);
  }
}

TEST_F(BuildFolderTest, KeepsItsMarkUntilNothingIsLeftToRemove) {
  BuildFolder build(path);
  EXPECT_THAT(files_below(folder.path()), ElementsAre("all.tmp/.ditmill-merge"));
  fs::create_directories(build.path());
  build.publish();
  EXPECT_THAT(files_below(folder.path()), ElementsAre("all.tmp/.ditmill-merge"));
}

TEST_F(BuildFolderTest, RefusesAFolderThatIsNoMerges) {
  fs::create_directory(path + ".tmp");
  results::durable::write_file(path + ".tmp/mine", "");
  EXPECT_THROW(BuildFolder{path}, Error);
  EXPECT_THAT(files_below(folder.path()), ElementsAre("all.tmp/mine"));
}

TEST_F(BuildFolderTest, RefusesWhatAnotherBuilds) {
  const BuildFolder build(path);
  EXPECT_THROW(BuildFolder{path}, Error);
  EXPECT_THAT(files_below(folder.path()), ElementsAre("all.tmp/.ditmill-merge"));
}

}  // namespace
}  // namespace ditmill::jobs::run

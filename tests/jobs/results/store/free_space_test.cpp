#include "jobs/results/files/free_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::HasSubstr;

TEST(FreeSpace, IsEnoughForTwoPartsAGroup) {
  EXPECT_FALSE(shortage_of_room(80'000'000, 10'000'000, 4));
  const auto why = shortage_of_room(79'000'000, 10'000'000, 4);
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("1.0 MB more must be free"));
  EXPECT_THAT(*why, HasSubstr("80.0 MB are needed"));
}

TEST(FreeSpace, IsToldWhereTheRunDirectoryWillBe) {
  const tests::TempFolder folder;
  EXPECT_EQ(nearest_existing(folder / "runs/cats"), folder.path());
  EXPECT_FALSE(results_without_room(folder / "runs/cats", 0));
  const auto short_of = results_without_room(folder / "runs/cats", std::uint64_t{1} << 62);
  ASSERT_TRUE(short_of);
  EXPECT_THAT(*short_of, HasSubstr("are free in " + folder.path()));
}

TEST(FreeSpace, IsAskedOfTheFileSystem) {
  const tests::TempFolder folder;
  EXPECT_GT(free_bytes(folder.path()), 0U);
  EXPECT_THROW(free_bytes(folder / "none"), Error);
}

}  // namespace
}  // namespace ditmill::jobs::results

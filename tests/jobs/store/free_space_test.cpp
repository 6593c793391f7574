#include "jobs/store/free_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs {
namespace {

using ::testing::HasSubstr;

TEST(FreeSpace, IsEnoughForTwoPartsAGroup) {
  EXPECT_FALSE(shortage_of_room(80'000'000, 10'000'000, 4));
  const auto why = shortage_of_room(79'000'000, 10'000'000, 4);
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("1.0 MB more must be free"));
  EXPECT_THAT(*why, HasSubstr("80.0 MB are needed"));
}

TEST(FreeSpace, IsAskedOfTheFileSystem) {
  const tests::TempFolder folder;
  EXPECT_GT(free_bytes(folder.path()), 0U);
  EXPECT_THROW(free_bytes(folder / "none"), Error);
}

}  // namespace
}  // namespace ditmill::jobs

#include "jobs/results/listing/frozen_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FrozenLines, AreNoneWithoutAFile) {
  const tests::TempFolder folder;
  EXPECT_FALSE(FrozenLines::open(folder / "requests.jsonl", "read"));
  EXPECT_THROW(FrozenLines::open(folder.path(), "read"), Error);
}

TEST(FrozenLines, RefuseTheLineThatWasReadLast) {
  const tests::TempFolder folder;
  std::optional<FrozenLines> lines =
      FrozenLines::open(folder.write("requests.jsonl", "{}\n{"), "count items");
  ASSERT_TRUE(lines);
  std::string_view line;
  ASSERT_TRUE(lines->next(line) && lines->terminated());
  ASSERT_TRUE(lines->next(line) && !lines->terminated());
  EXPECT_EQ(line, "{");
  try {
    lines->refuse("an object", std::string{line});
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("count items"), HasSubstr("requests.jsonl:2"),
                                    HasSubstr("an object"), HasSubstr("restore it")));
  }
  EXPECT_FALSE(lines->next(line));
}

}  // namespace
}  // namespace ditmill::jobs::results

#include "jobs/results/files/frozen_shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::HasSubstr;

TEST(FrozenShard, OfARunDirectoryStays) {
  const tests::TempFolder folder;
  const RunDirectory run{folder.path()};
  EXPECT_NO_THROW(require_same_shard(run, requests::Shard{1, 4}));
  folder.write("manifest.yaml", "schema: 1\nrequests: {file: a.txt, shard: 1/4}\n");
  EXPECT_NO_THROW(require_same_shard(run, requests::Shard{2, 4})) << "no item is frozen yet";
  folder.write("requests.jsonl", "");
  EXPECT_NO_THROW(require_same_shard(run, requests::Shard{1, 4}));
  for (const std::optional<requests::Shard>& other :
       {std::optional<requests::Shard>{}, std::optional{requests::Shard{1, 5}}}) {
    try {
      require_same_shard(run, other);
      ADD_FAILURE() << describe(other);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      EXPECT_THAT(error.what(), HasSubstr("give --shard 1/4"));
    }
  }
  folder.write("manifest.yaml", "schema: 1\nrequests: {file: a.txt}\n");
  EXPECT_NO_THROW(require_same_shard(run, std::nullopt));
  EXPECT_THROW(require_same_shard(run, requests::Shard{0, 1}), Error);
}

}  // namespace
}  // namespace ditmill::jobs::results

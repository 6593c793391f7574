#include "jobs/results/store/recover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/results/files/durable.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Recovery, RemovesWhatAnOwnerWasKilledOverInEveryFolderThatItPublishesInto) {
  const tests::TempFolder folder;
  const RunDirectory run{folder / "run"};
  run.create();
  RunDirectory::make_folder(run.loadings());
  durable::write_file(run.loading(1), "{}");
  durable::write_beside(run.loading(2), "{");
  durable::write_beside(run.epoch(2), "{");
  durable::write_beside(run.outcome(), "{");
  EXPECT_THAT(remove_leftovers(run, 3),
              ElementsAre("epochs/0002.json.tmp", "loading/0002.json.tmp", "outcome.json.tmp"));
  EXPECT_EQ(durable::read_file(run.loading(1)), "{}");
  EXPECT_THAT(remove_leftovers(run, 3), IsEmpty());
}

}  // namespace
}  // namespace ditmill::jobs::results

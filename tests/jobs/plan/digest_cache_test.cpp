#include "jobs/plan/digest_cache.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

class DigestCacheTest : public testing::Test {
 protected:
  DigestSubject subject() const {
    return {.files = {stamped(folder_ / "w1"), stamped(folder_ / "w2")}, .hyper_parameters = "{\"dim\":8}"};
  }

  tests::TempFolder folder_;
  results::RunDirectory run_{folder_.path()};
};

TEST_F(DigestCacheTest, RecallsOnlyWhatHasNotChanged) {
  const std::string w1 = folder_.write("w1", "abc");
  folder_.write("w2", "de");
  DigestCache memory;
  memory.remember("transformer", subject(), "sha256:01");
  memory.write(run_);
  memory = DigestCache::read(run_);
  EXPECT_EQ(memory.recall("transformer", subject()), "sha256:01");
  EXPECT_EQ(memory.recall("vae", subject()), std::nullopt);

  DigestSubject other = subject();
  other.hyper_parameters = "{\"dim\":9}";
  EXPECT_EQ(memory.recall("transformer", other), std::nullopt);
  other = subject();
  other.files.pop_back();
  EXPECT_EQ(memory.recall("transformer", other), std::nullopt);
  other = subject();
  std::swap(other.files[0], other.files[1]);
  EXPECT_EQ(memory.recall("transformer", other), std::nullopt);
  other = subject();
  other.files[0].stamp.inode += 1;
  EXPECT_EQ(memory.recall("transformer", other), std::nullopt);

  const auto time = std::filesystem::last_write_time(w1);
  std::filesystem::last_write_time(w1, time + std::chrono::nanoseconds(1));
  EXPECT_EQ(memory.recall("transformer", subject()), std::nullopt);
  std::filesystem::last_write_time(w1, time);
  EXPECT_EQ(memory.recall("transformer", subject()), "sha256:01");
  folder_.write("w1", "abcd");
  std::filesystem::last_write_time(w1, time);
  EXPECT_EQ(memory.recall("transformer", subject()), std::nullopt);
}

TEST_F(DigestCacheTest, ForgetsWhatItCannotUnderstand) {
  folder_.write("w1", "abc");
  folder_.write("w2", "de");
  EXPECT_EQ(DigestCache::read(run_).recall("transformer", subject()), std::nullopt);
  for (const char* text : {"", "{", "[]", "{\"dit\": 1}", "{\"dit\": {\"root\": 1}}"}) {
    folder_.write("digests.json", text);
    EXPECT_EQ(DigestCache::read(run_).recall("transformer", subject()), std::nullopt) << text;
  }
  EXPECT_THROW(stamped(folder_ / "none"), Error);
}

}  // namespace
}  // namespace ditmill::jobs::plan

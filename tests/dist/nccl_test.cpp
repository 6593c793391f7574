#include "dist/comm/nccl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "configs/error.h"
#include "dist/comm/threads.h"

namespace ditmill::dist {
namespace {

/// What nccl_communicator() throws on two ranks, each of which has to throw.
Error refusal_of(const at::Device& device) {
  std::atomic<int> refused = 0;
  std::optional<Error> first;
  try {
    run_on_threads(2, [&](const Communicator& host) {
      try {
        nccl_communicator(host, device);
      } catch (const Error&) {
        ++refused;
        throw;
      }
    });
  } catch (const Error& error) {
    first = error;
  }
  EXPECT_EQ(refused, 2) << "a rank that is not refused waits for the other for ever";
  return first.value_or(Error{Category::internal, "nothing was refused"});
}

TEST(Nccl, RefusesADeviceThatIsNotCudas) {
  const Error error = refusal_of(at::kCPU);
  EXPECT_EQ(error.category(), Category::device);
  EXPECT_THAT(error.what(), testing::HasSubstr("cpu"));
}

/// Two ranks of one process have one device at most: on a machine with a GPU they share it.
TEST(Nccl, RefusesRanksWithoutAGpuOfTheirOwn) {
  const Error error = refusal_of(at::Device(at::kCUDA, 0));
  if (cuda_libraries().devices == 0) {
    EXPECT_EQ(error.category(), Category::device);
  } else {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("one rank a GPU"));
    EXPECT_THAT(error.what(), testing::HasSubstr("ranks 0 and 1"));
  }
}

}  // namespace
}  // namespace ditmill::dist

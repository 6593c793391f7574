#include "dist/library_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dist/comm/nccl.h"

namespace ditmill::dist {
namespace {

TEST(LibraryVersions, NameMpiAndTorchWithoutStartingEither) {
  const auto versions = library_versions();
  EXPECT_THAT(versions.at("mpi"), testing::ContainsRegex("[0-9]+\\.[0-9]+"));
  EXPECT_EQ(versions.at("mpi").find('\n'), std::string::npos);
  EXPECT_THAT(versions.at("torch"), testing::ContainsRegex("^[0-9]+\\.[0-9]+"));
}

TEST(LibraryVersions, NameCudaAndNcclOnlyWhereTheyAreLinked) {
  const CudaLibraries cuda = cuda_libraries();
  const auto versions = library_versions();
  EXPECT_EQ(versions.count("nccl"), cuda.nccl.empty() ? 0u : 1u);
  EXPECT_EQ(versions.count("cuda"), cuda.runtime.empty() ? 0u : 1u);
  EXPECT_EQ(versions.count("cuda_devices"), versions.count("cuda"));
  EXPECT_GE(cuda.devices, 0);
  EXPECT_THAT(cuda.nccl, testing::AnyOf("", testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+")));
}

}  // namespace
}  // namespace ditmill::dist

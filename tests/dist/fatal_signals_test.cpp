#include "dist/liveness/fatal_signals.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "dist/liveness/mapped_file.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t bytes = 5 * 4096;

/// A file whose name has spaces, mapped to be read.
struct Mapped {
  tests::TempFolder folder;
  std::string path = folder / "a file with  spaces";
  const char* data = nullptr;

  Mapped() {
    std::ofstream{path} << std::string(bytes, 'x');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    data = static_cast<const char*>(::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0));
    ::close(fd);
  }
  ~Mapped() { ::munmap(const_cast<char*>(data), bytes); }
};

TEST(MappedFile, IsFoundByAnyOfItsAddresses) {
  const Mapped mapped;
  std::array<char, 4096> path{};
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, bytes - 1}) {
    ASSERT_TRUE(mapped_file(mapped.data + at, path));
    EXPECT_STREQ(path.data(), mapped.path.c_str());
  }
  EXPECT_FALSE(mapped_file(&path, path)) << "of no file";
  EXPECT_FALSE(mapped_file(nullptr, path));
  EXPECT_FALSE(mapped_file(mapped.data, std::span{path}.first(mapped.path.size()))) << "no room for the zero";
  EXPECT_TRUE(mapped_file(mapped.data, std::span{path}.first(mapped.path.size() + 1)));
}

TEST(FatalSignals, NameAMappedFileThatWasCut) {
  const Mapped mapped;
  const auto reads_what_is_gone = [&] {
    RankState state(0);
    const FatalSignals signals{state};
    std::filesystem::resize_file(mapped.path, 4096);
    static_cast<void>(*static_cast<const volatile char*>(mapped.data + bytes - 1));
  };
  EXPECT_EXIT(reads_what_is_gone(), testing::KilledBySignal(SIGBUS), testing::HasSubstr(mapped.path));
}

}  // namespace
}  // namespace ditmill::dist

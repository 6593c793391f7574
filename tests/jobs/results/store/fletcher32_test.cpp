#include "jobs/results/store/hdf5/fletcher32.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "jobs/results/store/hdf5/h5_dataset.h"
#include "jobs/results/store/hdf5/h5_memory_file.h"

namespace ditmill::jobs::results {
namespace {

/// As HDF5 writes it down (H5checksum.c), two bytes at a time.
std::uint32_t plain_fletcher32(const std::vector<std::byte>& bytes) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto high = std::to_integer<std::uint64_t>(bytes[i]);
    const auto low = i + 1 < bytes.size() ? std::to_integer<std::uint64_t>(bytes[i + 1]) : 0;
    first += high << 8 | low;
    first = (first & 0xffff) + (first >> 16);
    second += first;
    second = (second & 0xffff) + (second >> 16);
  }
  first = (first & 0xffff) + (first >> 16);
  second = (second & 0xffff) + (second >> 16);
  return static_cast<std::uint32_t>(second << 16 | first);
}

TEST(Fletcher32, IsThatOfHdf5ForEveryLengthAndFilling) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 1200; ++size) {
    for (const int kind : {0, 1, 2}) {
      std::vector<std::byte> bytes(size);
      for (std::byte& byte : bytes) byte = std::byte(kind == 0 ? 0 : kind == 1 ? 0xff : random() & 0xff);
      ASSERT_EQ(fletcher32(bytes), plain_fletcher32(bytes)) << size << " bytes of kind " << kind;
    }
  }
}

TEST(Fletcher32, TellsZerosFromWhatSumsUpToAMultiple) {
  EXPECT_EQ(fletcher32(std::vector<std::byte>(400)), 0U);
  EXPECT_EQ(fletcher32(std::vector<std::byte>(400, std::byte{0xff})), 0xffffffffU);
}

}  // namespace
}  // namespace ditmill::jobs::results

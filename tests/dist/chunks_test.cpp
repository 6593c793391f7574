#include "dist/comm/chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

namespace ditmill::dist {
namespace {

using Pieces = std::vector<std::pair<std::size_t, std::size_t>>;

Pieces pieces(std::size_t total, std::size_t limit) {
  Pieces all;
  for_each_chunk(total, limit,
                 [&](std::size_t offset, std::size_t bytes) { all.emplace_back(offset, bytes); });
  return all;
}

TEST(Chunks, CoverEverySizeInOrder) {
  EXPECT_EQ(pieces(0, 10), Pieces{});
  EXPECT_EQ(pieces(1, 10), (Pieces{{0, 1}}));
  EXPECT_EQ(pieces(9, 10), (Pieces{{0, 9}}));
  EXPECT_EQ(pieces(10, 10), (Pieces{{0, 10}}));
  EXPECT_EQ(pieces(11, 10), (Pieces{{0, 10}, {10, 1}}));
  EXPECT_EQ(pieces(30, 10), (Pieces{{0, 10}, {10, 10}, {20, 10}}));
  EXPECT_EQ(pieces(3, 1), (Pieces{{0, 1}, {1, 1}, {2, 1}}));
}

TEST(Chunks, KeepEveryCountBelowAnInt) {
  const std::size_t total = (std::size_t{1} << 33) + 5;
  std::size_t covered = 0;
  for (const auto& [offset, bytes] : pieces(total, most_bytes_a_call)) {
    EXPECT_EQ(offset, covered);
    EXPECT_LE(bytes, static_cast<std::size_t>(std::numeric_limits<int>::max()));
    covered += bytes;
  }
  EXPECT_EQ(covered, total);
}

}  // namespace
}  // namespace ditmill::dist

#include "dist/mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "configs/error.h"
#include "dist/parallel_context.h"

namespace ditmill::dist {
namespace {

using configs::ParallelConfig;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(int world, const ParallelConfig& degrees) {
  try {
    const Mesh mesh(world, degrees);
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    return error.what();
  }
  return "not refused";
}

TEST(Share, CutsIntoPiecesThatDifferByOneAtMost) {
  EXPECT_EQ(share(10, 0, 3), (Range{0, 4}));
  EXPECT_EQ(share(10, 1, 3), (Range{4, 7}));
  EXPECT_EQ(share(10, 2, 3), (Range{7, 10}));
  EXPECT_EQ(share(2, 0, 3), (Range{0, 1}));
  EXPECT_EQ(share(2, 2, 3), (Range{2, 2}));
  EXPECT_EQ(share(0, 0, 1), (Range{0, 0}));
  EXPECT_EQ(share(7, 0, 1), (Range{0, 7}));
}

TEST(Share, CoversEveryTotalWithoutGapOrOverlap) {
  for (std::int64_t total = 0; total < 40; ++total) {
    for (int parts = 1; parts < 12; ++parts) {
      std::int64_t at = 0;
      for (int i = 0; i < parts; ++i) {
        const Range range = share(total, i, parts);
        EXPECT_EQ(range.begin, at);
        EXPECT_TRUE(range.size() == total / parts || range.size() == total / parts + 1);
        EXPECT_LE(range.size(), share(total, 0, parts).size());
        at = range.end;
      }
      EXPECT_EQ(at, total);
    }
  }
}

TEST(Share, DoesNotWrapWhereTotalsAreLarge) {
  const std::int64_t total = std::int64_t{1} << 62;
  EXPECT_EQ(share(total, 1023, 1024).end, total);
}

TEST(Mesh, GivesDpWhatTheOtherAxesLeave) {
  EXPECT_EQ(Mesh(6, {}).degree(Axis::dp), 6);
  EXPECT_EQ(Mesh(6, {.dp = {}, .cfg = 2}).degree(Axis::dp), 3);
  EXPECT_EQ(Mesh(6, {.dp = {}, .cfg = 2}).group_size(), 2);
  EXPECT_EQ(Mesh(1, {}).group_size(), 1);
}

TEST(Mesh, NumbersRanksRowMajorWithTpFastest) {
  const Mesh mesh(24, {.dp = 2, .cfg = 2, .ulysses = 3, .tp = 2});
  EXPECT_EQ(mesh.coordinate(0, Axis::tp), 0);
  EXPECT_EQ(mesh.coordinate(1, Axis::tp), 1);
  EXPECT_EQ(mesh.coordinate(2, Axis::ulysses), 1);
  EXPECT_EQ(mesh.coordinate(6, Axis::cfg), 1);
  EXPECT_EQ(mesh.coordinate(12, Axis::dp), 1);
  EXPECT_EQ(mesh.coordinate(23, Axis::ring), 0);
  EXPECT_THAT(mesh.peers(13, Axis::tp), ElementsAre(12, 13));
  EXPECT_THAT(mesh.peers(13, Axis::ulysses), ElementsAre(13, 15, 17));
  EXPECT_THAT(mesh.peers(13, Axis::dp), ElementsAre(1, 13));
  EXPECT_THAT(mesh.peers(13, Axis::pp), ElementsAre(13));
}

TEST(Mesh, FindsEveryRankByItsCoordinates) {
  const Mesh mesh(48, {.dp = 2, .cfg = 2, .ring = 2, .ulysses = 1, .pp = 3, .tp = 2});
  std::set<std::array<int, 6>> seen;
  for (int rank = 0; rank < mesh.world(); ++rank) {
    std::array<int, 6> coordinates{};
    for (const Axis axis : axes) coordinates[static_cast<std::size_t>(axis)] = mesh.coordinate(rank, axis);
    EXPECT_EQ(mesh.rank_at(coordinates), rank);
    EXPECT_TRUE(seen.insert(coordinates).second);
  }
}

struct Refused {
  int world;
  ParallelConfig degrees;
  std::string says;
};

TEST(Mesh, SaysWhichDegreesWouldFit) {
  const Refused cases[] = {
      {6,
       {.dp = 2, .cfg = 2},
       "expected degrees whose product is the world of 6 ranks, got dp 2 x cfg 2 = 4; "
       "dp: 3 fits this world; or start 4 ranks"},
      {4, {.dp = 2}, "got dp 2 = 2; dp: 4 fits this world; or start 2 ranks"},
      {5,
       {.dp = {}, .cfg = 2},
       "expected degrees whose product divides the world of 5 ranks, got cfg 2 = 2; "
       "cfg: 1 fits this world; or start 2 ranks or a multiple of it"},
      {4, {.dp = {}, .tp = 3}, "tp: 2 fits this world"},
      {12, {.dp = 2, .ulysses = 3, .tp = 3}, "ulysses: 2, or tp: 2 fits this world"},
      {1, {.dp = 1, .cfg = 2}, "cfg: 1 fits this world; or start 2 ranks"},
      {7, {.dp = {}, .cfg = 2, .tp = 3}, "got cfg 2 x tp 3 = 6; or start 6 ranks or a multiple of it"},
      {8, {.dp = 4}, "dp: 8 fits"},
      {6, {.dp = 1, .cfg = 2}, "dp: 3 fits this world; or start 2 ranks"},
      {8, {.dp = {}, .ring = 3}, "ring: 2 fits this world; or start 3 ranks or a multiple of it"},
      {8, {.dp = {}, .pp = 7}, "pp: 8 fits this world"},
  };
  for (const Refused& each : cases) {
    EXPECT_THAT(refusal(each.world, each.degrees), HasSubstr(each.says));
  }
}

TEST(Mesh, RefusesDegreesThatAreNoDegree) {
  EXPECT_THAT(refusal(4, {.dp = {}, .cfg = 0}), HasSubstr("pipeline.parallel.cfg"));
  EXPECT_THAT(refusal(4, {.dp = -1}), HasSubstr("pipeline.parallel.dp"));
  EXPECT_THAT(refusal(0, {}), HasSubstr("got 0"));
}

TEST(Mesh, RefusesDegreesWhoseProductWouldWrap) {
  const int large = 1 << 20;
  const ParallelConfig degrees{
      .dp = {}, .cfg = large, .ring = large, .ulysses = large, .pp = large, .tp = large};
  EXPECT_THAT(refusal(4, degrees), HasSubstr("= more than 1048576"));
  EXPECT_THAT(refusal(4, {.dp = {}, .tp = 1 << 30}), HasSubstr("pipeline.parallel.tp"));
}

TEST(ParallelContext, GivesALayerItsPart) {
  const ParallelContext context(Mesh(4, {.dp = 2, .tp = 2}), 3);
  EXPECT_EQ(context.part(Axis::tp, 12), (Range{6, 12}));
  EXPECT_EQ(context.part(Axis::ulysses, 12), (Range{0, 12}));
}

}  // namespace
}  // namespace ditmill::dist

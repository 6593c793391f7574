#include "dist/placement.h"

#include <gmock/gmock.h>

#include <numeric>

namespace ditmill::dist {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

/// Machines a, b, ... with so many ranks each, one after the other.
std::vector<std::string> in_blocks(const std::vector<int>& counts) {
  std::vector<std::string> machines;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    machines.insert(machines.end(), static_cast<std::size_t>(counts[i]),
                    std::string(1, static_cast<char>('a' + i)));
  }
  return machines;
}

/// The ranks dealt out to machines in turn, as `srun --distribution=cyclic` does.
std::vector<std::string> in_turn(int ranks, int count) {
  std::vector<std::string> machines;
  for (int rank = 0; rank < ranks; ++rank) machines.emplace_back(1, static_cast<char>('a' + rank % count));
  return machines;
}

void expect_permutation(const Placement& placement, int world) {
  std::vector<int> all(static_cast<std::size_t>(world));
  std::iota(all.begin(), all.end(), 0);
  EXPECT_THAT(placement.mesh_ranks, testing::UnorderedElementsAreArray(all));
  EXPECT_EQ(placement.mesh_ranks.front(), 0);
}

TEST(Placement, OfOneMachineIsTheWorldsOwnOrder) {
  const Mesh mesh{8, {.ring = 2, .ulysses = 2, .tp = 2}};
  const Placement placement = place_ranks(mesh, in_blocks({8}));
  EXPECT_THAT(placement.mesh_ranks, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(placement.crossing, testing::Each(0));
}

TEST(Placement, KeepsTpTeamsTogetherWhereRanksWereDealtOutInTurn) {
  const Mesh mesh{8, {.dp = 2, .tp = 4}};
  const Placement placement = place_ranks(mesh, in_turn(8, 2));
  EXPECT_THAT(placement.mesh_ranks, ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
  EXPECT_EQ(placement.crossing_on(Axis::tp), 0);
  EXPECT_EQ(placement.crossing_on(Axis::dp), 4) << "groups talk least, so theirs may cross";
}

TEST(Placement, FillsAMachineByTpThenUlyssesThenStages) {
  // Stages lie between ulysses and tp in the mesh, but talk less than ulysses does.
  const Mesh mesh{8, {.ulysses = 2, .pp = 2, .tp = 2}};
  const Placement placement = place_ranks(mesh, in_blocks({4, 4}));
  EXPECT_EQ(placement.crossing_on(Axis::tp), 0);
  EXPECT_EQ(placement.crossing_on(Axis::ulysses), 0);
  EXPECT_EQ(placement.crossing_on(Axis::pp), 4);
}

struct Case {
  std::vector<int> machines;
  configs::ParallelConfig degrees;
  int tp_crossing;
  int ulysses_crossing;
};

TEST(Placement, KeepsWhatFitsInsideMachinesWhateverTheirSizes) {
  for (const Case& each : std::vector<Case>{
           {{4, 4}, {.ulysses = 2, .tp = 2}, 0, 0},
           {{3, 5}, {.ulysses = 2, .tp = 2}, 1, 1},  // 3 holds one team, 5 a block and a rank
           {{2, 6}, {.ulysses = 2, .tp = 2}, 0, 2},  // one block has to be halved, by its tp teams
           {{2, 6}, {.dp = 4, .tp = 2}, 0, 0},
           {{1, 7}, {.dp = 4, .tp = 2}, 1, 0},
           {{1, 4, 3}, {.dp = 2, .tp = 4}, 1, 0},
           {{4, 2, 4, 2}, {.cfg = 2, .ring = 3, .ulysses = 2}, 0, 0},
           {{1, 1, 1, 1}, {.tp = 4}, 1, 0},
           {{5, 4, 3}, {.ring = 3, .ulysses = 4}, 0, 1}}) {
    const std::vector<std::string> machines = in_blocks(each.machines);
    const auto world = static_cast<int>(machines.size());
    const Placement placement = place_ranks(Mesh{world, each.degrees}, machines);
    expect_permutation(placement, world);
    EXPECT_EQ(placement.crossing_on(Axis::tp), each.tp_crossing) << testing::PrintToString(each.machines);
    EXPECT_EQ(placement.crossing_on(Axis::ulysses), each.ulysses_crossing)
        << testing::PrintToString(each.machines);
  }
}

TEST(Placement, OfRankZeroIsTheFirstEvenWhereItsMachineIsTooSmall) {
  const std::vector<std::string> machines = in_blocks({1, 4, 3});
  const Placement placement = place_ranks(Mesh{8, {.dp = 2, .tp = 4}}, machines);
  expect_permutation(placement, 8);
  const Placement again = place_ranks(Mesh{8, {.dp = 2, .tp = 4}}, machines);
  EXPECT_THAT(again.mesh_ranks, ElementsAreArray(placement.mesh_ranks));
}

}  // namespace
}  // namespace ditmill::dist

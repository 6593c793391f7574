#include "dist/plan/slices.h"

#include <gtest/gtest.h>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

TEST(TpRange, IsAShareOfTheUnitsThatStayTogether) {
  struct Case {
    ShardRule rule;
    std::int64_t total;
    std::vector<Range> want;
  };
  for (const Case& c :
       {Case{{}, 120, {{0, 120}, {0, 120}}}, Case{{.dim = 0}, 7, {{0, 4}, {4, 7}}},
        Case{{.dim = 0, .unit = 40}, 120, {{0, 80}, {80, 120}}},
        Case{{.dim = 0, .unit = 40}, 120, {{0, 40}, {40, 80}, {80, 120}}},
        Case{{.dim = 1, .unit = 40}, 80, {{0, 40}, {40, 80}, {80, 80}}},
        Case{{.dim = 0, .unit = 40}, 100, {{0, 80}, {80, 100}}}, Case{{.dim = 0}, 0, {{0, 0}, {0, 0}}}}) {
    const int parts = static_cast<int>(c.want.size());
    for (int i = 0; i < parts; ++i) {
      EXPECT_EQ(tp_range(c.rule, c.total, i, parts), c.want[static_cast<std::size_t>(i)])
          << "part " << i << " of " << c.total;
    }
  }
}

TEST(StageLayers, AreContiguousAndEarlierStagesHaveMore) {
  EXPECT_EQ(stage_layers(5, 0, 2), (Range{0, 3}));
  EXPECT_EQ(stage_layers(5, 1, 2), (Range{3, 5}));
  EXPECT_EQ(stage_layers(5, 2, 3), (Range{4, 5}));
}

ComponentPlan five_layers() {
  ComponentPlan plan;
  plan.name = "transformer";
  plan.layers = 5;
  plan.rules = {{"in", {.stages = Stages::first}},
                {"out", {.dim = 1, .stages = Stages::last}},
                {"third", {.dim = 0, .unit = 2, .stages = Stages::of_layer, .layer = 2}}};
  return plan;
}

TEST(Slice, IsTheRanksByItsStageAndItsTpIndex) {
  const ComponentPlan plan = five_layers();
  const Mesh mesh(6, {.dp = {}, .pp = 3, .tp = 2});
  const std::vector<std::uint64_t> shape{6, 3};
  for (int rank = 0; rank < 6; ++rank) {
    const int stage = rank / 2;
    const auto tensor = [&](const char* name) { return slice_of(plan, mesh, rank, name, shape); };
    EXPECT_TRUE(tensor("everywhere").held);
    EXPECT_EQ(tensor("everywhere").shape, shape);
    EXPECT_EQ(tensor("in").held, stage == 0);
    EXPECT_EQ(tensor("out").held, stage == 2);
    EXPECT_EQ(tensor("third").held, stage == 1);
    if (stage == 2) {
      EXPECT_EQ(tensor("out").range, (rank % 2 == 0 ? Range{0, 2} : Range{2, 3}));
      EXPECT_EQ(tensor("out").shape, (std::vector<std::uint64_t>{6, rank % 2 == 0 ? 2u : 1u}));
    }
    if (stage == 1) {
      EXPECT_EQ(tensor("third").dim, 0);
      EXPECT_EQ(tensor("third").range, (rank % 2 == 0 ? Range{0, 4} : Range{4, 6}));
    }
  }
}

TEST(Slice, RefusesADimensionThatIsNotThere) {
  const ComponentPlan plan = five_layers();
  const std::vector<std::uint64_t> vector{6};
  EXPECT_THROW(slice_of(plan, Mesh(1, {}), 0, "out", vector), Error);
  EXPECT_NO_THROW(slice_of(plan, Mesh(3, {.dp = {}, .pp = 3}), 0, "out", vector)) << "another stage's";
}

}  // namespace
}  // namespace ditmill::dist

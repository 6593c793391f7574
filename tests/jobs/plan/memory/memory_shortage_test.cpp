#include "jobs/plan/memory/memory_shortage.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace ditmill::jobs::plan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t gb = 1'000'000'000;

MemoryPlan plan_of(std::uint64_t peak) {
  return {.components = {{.name = "transformer", .dtype = configs::Dtype::bfloat16, .bytes = 2 * gb},
                         {.name = "text_encoder", .dtype = configs::Dtype::float32, .bytes = 11 * gb}},
          .stages = {{.name = "all",
                      .components = {"transformer", "text_encoder"},
                      .weights = 13 * gb,
                      .activations = 3 * gb,
                      .others = gb,
                      .peak = peak}}};
}

RankMemory rank_on(const std::string& machine, std::vector<MemoryBound> bounds) {
  return {.machine = machine, .name = machine, .resident = 0, .bounds = std::move(bounds)};
}

MemoryBound machine_has(std::uint64_t bytes) { return {"machine", "MemAvailable of /proc/meminfo", bytes}; }

std::string shortage(const std::vector<RankMemory>& ranks, const MemoryPlan& plan,
                     const std::vector<Alternative>& alternatives = {}) {
  const auto error = memory_shortage(ranks, RankPlans{plan}, alternatives);
  if (!error) return "fits";
  EXPECT_EQ(error->category(), Category::usage);
  return error->what();
}

TEST(MemoryShortage, AllRanksOfAMachineCountTogether) {
  const RankMemory a = rank_on("a", {machine_has(10 * gb)});
  const RankMemory b = rank_on("b", {machine_has(10 * gb)});
  struct Case {
    std::vector<RankMemory> ranks;
    std::uint64_t peak;
    bool fits;
  };
  for (const Case& each : std::vector<Case>{{{a}, 10 * gb, true},
                                            {{a}, 10 * gb + 1, false},
                                            {{a, a}, 5 * gb, true},
                                            {{a, a}, 5 * gb + 1, false},
                                            {{a, b}, 10 * gb, true},
                                            {{a, b, b}, 6 * gb, false},
                                            {{rank_on("a", {})}, 99 * gb, true},
                                            {{a}, 0, true}}) {
    EXPECT_EQ(shortage(each.ranks, plan_of(each.peak)) == "fits", each.fits) << each.peak;
  }
}

TEST(MemoryShortage, ACgroupCountsOnlyTheRanksThatAreInIt) {
  const auto in = [](const std::string& cgroup) {
    return rank_on("a",
                   {machine_has(100 * gb), {cgroup, "/sys/fs/cgroup/" + cgroup + "/memory.max", 10 * gb}});
  };
  EXPECT_EQ(shortage({in("x"), in("y")}, plan_of(10 * gb)), "fits");
  EXPECT_THAT(
      shortage({in("x"), in("y"), in("y")}, plan_of(10 * gb)),
      AllOf(HasSubstr("/sys/fs/cgroup/y/memory.max"), HasSubstr("rank 1"), HasSubstr("2 ranks there")));
}

TEST(MemoryShortage, CountsOnceAMachineWhatItsRanksShare) {
  MemoryPlan plan = plan_of(20 * gb);
  plan.stages.front().shared = 13 * gb;
  const auto fits = [&](std::vector<RankMemory> ranks, std::uint64_t shareable, configs::Strategy loading) {
    for (RankMemory& rank : ranks) rank.shareable = shareable;
    return !memory_shortage(ranks, as_loaded(RankPlans{plan}, ranks, loading), {}).has_value();
  };
  const RankMemory a = rank_on("a", {machine_has(41 * gb)});  // 13 GB, and 7 GB a rank
  const RankMemory b = rank_on("b", {machine_has(41 * gb)});
  using configs::Strategy;
  EXPECT_TRUE(fits({a, a, a, a}, 13 * gb, Strategy::automatic));
  EXPECT_FALSE(fits({a, a, a, a, a}, 13 * gb, Strategy::automatic));
  EXPECT_FALSE(fits({a, a, a, a}, 12 * gb, Strategy::automatic)) << "/dev/shm is too small";
  EXPECT_FALSE(fits({a, a, a, a, b}, 13 * gb, Strategy::automatic)) << "it may be broadcast";
  EXPECT_TRUE(fits({a, a, a, a, b}, 13 * gb, Strategy::shared));
}

TEST(MemoryShortage, HoldsThePlanTheLimitAndItsSource) {
  EXPECT_THAT(
      shortage({rank_on("n1", {machine_has(16 * gb)})}, plan_of(17 * gb)),
      AllOf(HasSubstr("memory of n1"), HasSubstr("16.000 GB"), HasSubstr("MemAvailable of /proc/meminfo"),
            HasSubstr("17.000 GB for the 1 rank there"), HasSubstr("transformer       2.000 GB  bfloat16"),
            HasSubstr("text_encoder     11.000 GB  float32"), HasSubstr("activations 3.000 GB"),
            HasSubstr("--skip-memory-check")));
}

TEST(MemoryShortage, SaysWhatWouldFit) {
  const std::string stages = "components.text_encoder.offload: stages";
  struct Case {
    int ranks;
    std::vector<Alternative> alternatives;
    std::string said;
    std::string unsaid;
  };
  for (const Case& each : std::vector<Case>{
           {4, {{stages, 13 * gb}}, "3 ranks a node instead of 4", stages},
           {4, {{stages, 10 * gb}}, stages + " (40.000 GB for 4 ranks), or 3 ranks a node", "more memory"},
           {9, {{stages, 20 * gb}}, "2 ranks a node instead of 9", "more memory"},
           {4, {}, "3 ranks a node", stages}}) {
    const std::vector<RankMemory> ranks(static_cast<std::size_t>(each.ranks),
                                        rank_on("a", {machine_has(50 * gb)}));
    EXPECT_THAT(shortage(ranks, plan_of((each.ranks == 9 ? 25 : 16) * gb), each.alternatives),
                AllOf(HasSubstr(each.said), Not(HasSubstr(each.unsaid))));
  }
  const std::vector<RankMemory> two(2, rank_on("a", {machine_has(15 * gb)}));
  EXPECT_THAT(shortage(two, plan_of(16 * gb), {{stages, 12 * gb}}),
              HasSubstr(stages + " with 1 rank a node"));
  EXPECT_THAT(shortage(two, plan_of(30 * gb), {{stages, 20 * gb}}),
              AllOf(HasSubstr("20.000 GB even with " + stages), HasSubstr("more memory")));
}

TEST(MemoryShortage, TellsHowManyMachinesAreTooSmall) {
  const std::vector<RankMemory> ranks{rank_on("a", {machine_has(9 * gb)}),
                                      rank_on("b", {machine_has(8 * gb)}),
                                      rank_on("c", {machine_has(90 * gb)})};
  EXPECT_THAT(shortage(ranks, plan_of(10 * gb)),
              AllOf(HasSubstr("memory of b"), HasSubstr("rank 1"), HasSubstr("1 more machine too small")));
}

TEST(RankMemory, TravelsWhole) {
  const RankMemory rank = rank_on("a", {machine_has(7), {"1:2", "/sys/fs/cgroup/x/memory.max", 5}});
  const RankMemory back = rank_memory_from_json(nlohmann::json::parse(to_json(rank).dump()));
  EXPECT_EQ(back.machine, rank.machine);
  EXPECT_EQ(back.bounds, rank.bounds);
}

}  // namespace
}  // namespace ditmill::jobs::plan

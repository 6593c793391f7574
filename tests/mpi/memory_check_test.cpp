#include "jobs/engine/loading/memory_check.h"

#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "tests/jobs/temp_folder.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::jobs {
namespace {

using dist::mpi_test::expect_same_everywhere;
using dist::mpi_test::world;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

engine::MemoryDemand demand_of(std::uint64_t peak) {
  return {
      .plans =
          plan::RankPlans{
              {.components = {{.name = "transformer", .dtype = configs::Dtype::float32, .bytes = peak}},
               .stages = {{.name = "all", .components = {"transformer"}, .weights = peak, .peak = peak}}}},
      .alternatives = {{"components.text_encoder.offload: stages", 10 * mib}}};
}

/// A machine with 100 MiB left, where all ranks are.
class CheckMemory : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root() + "/proc");
    std::ofstream(root() + "/proc/meminfo") << "MemAvailable: " << 100 * 1024 << " kB\n";
  }
  std::string root() const { return folder_.path(); }

  std::optional<engine::MemoryDemand> on_rank_0(std::uint64_t peak) const {
    if (world().rank() != 0) return std::nullopt;
    return demand_of(peak);
  }

 private:
  tests::TempFolder folder_;
};

TEST_F(CheckMemory, PassesWhatFitsForAllRanksOfTheMachine) {
  const std::uint64_t share = 100 * mib / static_cast<std::uint64_t>(world().size());
  const std::uint64_t most = engine::check_memory(world(), on_rank_0(share), plan::this_rank(root()));
  EXPECT_EQ(most, world().rank() == 0 ? share : 0) << "the fake machine tells of nothing resident";
}

TEST_F(CheckMemory, RefusesOnAllRanksWithThePlan) {
  const std::uint64_t share = 100 * mib / static_cast<std::uint64_t>(world().size());
  try {
    engine::check_memory(world(), on_rank_0(share + 1), plan::this_rank(root()));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    expect_same_everywhere(dist::to_text(error));
    EXPECT_EQ(exit_code(error.category()), 1);
    EXPECT_THAT(error.what(), testing::HasSubstr("MemAvailable of /proc/meminfo"));
    EXPECT_THAT(error.what(), testing::HasSubstr("transformer"));
    EXPECT_THAT(error.what(), testing::HasSubstr("components.text_encoder.offload: stages"));
  }
}

TEST_F(CheckMemory, RefusesNothingWithoutADemand) {
  EXPECT_EQ(engine::check_memory(world(), std::nullopt, plan::this_rank(root())), 0U);
}

TEST_F(CheckMemory, LooksAtTheRealMachineToo) {
  EXPECT_NO_THROW(engine::check_memory(world(), on_rank_0(1), plan::this_rank()));
  EXPECT_THROW(engine::check_memory(world(), on_rank_0(std::uint64_t{1} << 50), plan::this_rank()), Error);
}

}  // namespace
}  // namespace ditmill::jobs

#include "jobs/bench/doctor/doctor.h"

#include <filesystem>

#include "jobs/bench/doctor/diagnosis.h"
#include "jobs/bench/doctor/pair_rates.h"
#include "tests/jobs/temp_folder.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::jobs::bench::doctor {
namespace {

using dist::mpi_test::world;

/// Ranks as if each were a node.
TEST(LookAtNodes, FindsEveryFactOfEveryNodeAndPair) {
  const tests::TempFolder folder;
  // No more of the seconds is taken than needed, but a machine on which everything runs may need some.
  const std::vector<NodeFacts> all = look_at_nodes(world(), folder.path(), 30);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  if (world().rank() != 0) {
    EXPECT_TRUE(all.empty());
    return;
  }
  ASSERT_EQ(all.size(), static_cast<std::size_t>(world().size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const NodeFacts& node = all[i];
    EXPECT_FALSE(node.silent);
    EXPECT_FALSE(node.host.empty());
    EXPECT_GT(node.cpu_rate, 0);
    EXPECT_GT(node.memory_available, 0U);
    EXPECT_LE(node.memory_available, node.memory);
    EXPECT_GE(node.shm, node.shm_free);
    EXPECT_GT(node.write_rate, 0) << node.folder_error;
    EXPECT_GT(node.read_rate, 0);
    EXPECT_LT(std::abs(node.clock_offset), 0.2) << "all have the same clock";
    EXPECT_EQ(node.versions.count("hdf5"), 1U);
    ASSERT_EQ(node.pair_rates.size(), all.size());
    for (std::size_t j = 0; j < all.size(); ++j) EXPECT_EQ(node.pair_rates[j] > 0, i != j) << i << " " << j;
  }
}

TEST(LookAtNodes, TellsWhereTheFolderIsOfNoUse) {
  const tests::TempFolder folder;
  const int last = world().size() - 1;
  const std::string path = world().rank() == last ? folder.path() + "/missing" : folder.path();
  const std::vector<NodeFacts> all = look_at_nodes(world(), path, 1);
  if (world().rank() != 0) return;
  EXPECT_THAT(all.back().folder_error, testing::HasSubstr("missing"));
  EXPECT_EQ(diagnose(all, 0).exit_code(), world().size() == 1 ? 3 : 2);
}

TEST(MeasurePairs, ComesToAnEndWhereThereIsNoTimeForAllRounds) {
  const std::vector<double> rates = measure_pairs(world(), 0);
  EXPECT_LE(std::ranges::count_if(rates, [](double rate) { return rate > 0; }), 1);
}

}  // namespace
}  // namespace ditmill::jobs::bench::doctor

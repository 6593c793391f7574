#include "slurm/allocation.h"

#include <map>

#include <gmock/gmock.h>

#include "configs/error.h"

namespace ditmill::slurm {
namespace {

Allocation read(const std::map<std::string, std::string>& variables) {
  return read_allocation([&variables](const char* variable) -> const char* {
    const auto found = variables.find(variable);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Allocation, IsEmptyOutsideSlurmWhateverElseIsSet) {
  const Allocation allocation = read({{"SLURM_RESTART_COUNT", "nonsense"}, {"SLURM_CPUS_PER_TASK", "4"}});
  EXPECT_FALSE(allocation.inside());
  EXPECT_FALSE(allocation.cpus_per_task);
}

TEST(Allocation, HoldsWhatSlurmSays) {
  const Allocation allocation = read({{"SLURM_JOB_ID", "4711"},
                                      {"SLURM_RESTART_COUNT", "2"},
                                      {"SLURM_JOB_NODELIST", "n[1-4]"},
                                      {"SLURM_CPUS_PER_TASK", "8"}});
  EXPECT_TRUE(allocation.inside());
  EXPECT_EQ(allocation.job_id, "4711");
  EXPECT_EQ(allocation.restart_count, 2);
  EXPECT_EQ(allocation.node_list, "n[1-4]");
  EXPECT_EQ(allocation.cpus_per_task, 8);
}

TEST(Allocation, IsTheFirstIncarnationWithoutARestartCount) {
  EXPECT_EQ(read({{"SLURM_JOB_ID", "1"}}).restart_count, 0);
}

class MalformedCount : public testing::TestWithParam<const char*> {};

TEST_P(MalformedCount, IsRefusedNamingTheVariable) {
  try {
    read({{"SLURM_JOB_ID", "1"}, {"SLURM_CPUS_PER_TASK", GetParam()}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("SLURM_CPUS_PER_TASK"));
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, MalformedCount, testing::Values("", "four", "-1", "4x", "99999999999"));

}  // namespace
}  // namespace ditmill::slurm

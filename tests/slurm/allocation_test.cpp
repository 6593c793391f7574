#include "slurm/allocation.h"

#include <gmock/gmock.h>

#include <map>

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
  const Allocation allocation = read({{"SLURM_JOB_ID", "4712"},
                                      {"SLURM_RESTART_COUNT", "2"},
                                      {"SLURM_ARRAY_JOB_ID", "4711"},
                                      {"SLURM_ARRAY_TASK_ID", "3"},
                                      {"SLURM_JOB_NODELIST", "n[1-2],m7"},
                                      {"SLURM_NTASKS", "5"},
                                      {"SLURM_TASKS_PER_NODE", "2(x2),1"},
                                      {"SLURM_CPUS_PER_TASK", "8"},
                                      {"SLURM_GPUS_ON_NODE", "4"},
                                      {"SLURM_JOB_END_TIME", "1795740000"},
                                      {"SLURM_JOB_PARTITION", "main"},
                                      {"SLURM_SUBMIT_DIR", "/home/me"}});
  EXPECT_TRUE(allocation.inside());
  EXPECT_EQ(allocation.job_id, "4712");
  EXPECT_EQ(allocation.restart_count, 2);
  EXPECT_EQ(allocation.array_job_id, "4711");
  EXPECT_EQ(allocation.array_task, 3);
  EXPECT_THAT(allocation.nodes, testing::ElementsAre("n1", "n2", "m7"));
  EXPECT_EQ(allocation.tasks, 5);
  EXPECT_THAT(allocation.tasks_per_node, testing::ElementsAre(2, 2, 1));
  EXPECT_EQ(allocation.cpus_per_task, 8);
  EXPECT_EQ(allocation.gpus_on_node, 4);
  EXPECT_EQ(allocation.end_time, 1795740000);
  EXPECT_EQ(allocation.partition, "main");
  EXPECT_EQ(allocation.submit_dir, "/home/me");
}

TEST(Allocation, LeavesEmptyWhatSlurmDoesNotSay) {
  const Allocation allocation = read({{"SLURM_JOB_ID", "1"}});
  EXPECT_THAT(allocation.nodes, testing::IsEmpty());
  EXPECT_FALSE(allocation.tasks);
  EXPECT_FALSE(allocation.array_task);
  EXPECT_FALSE(allocation.gpus_on_node);
  EXPECT_FALSE(allocation.end_time);
}

TEST(Allocation, IsTheFirstIncarnationWithoutARestartCount) {
  EXPECT_EQ(read({{"SLURM_JOB_ID", "1"}}).restart_count, 0);
}

struct Malformed {
  const char* variable;
  const char* text;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Malformed& malformed, std::ostream* out) {
  *out << malformed.variable << "=" << malformed.text;
}

class MalformedVariable : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedVariable, IsRefusedByName) {
  const auto& [variable, text] = GetParam();
  try {
    read({{"SLURM_JOB_ID", "1"}, {variable, text}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::usage);
    EXPECT_EQ(error.where().key, variable);
    EXPECT_THAT(error.what(), testing::HasSubstr(variable));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, MalformedVariable,
    testing::Values(Malformed{"SLURM_CPUS_PER_TASK", ""}, Malformed{"SLURM_CPUS_PER_TASK", "four"},
                    Malformed{"SLURM_CPUS_PER_TASK", "-1"}, Malformed{"SLURM_CPUS_PER_TASK", "4x"},
                    Malformed{"SLURM_CPUS_PER_TASK", "99999999999"}, Malformed{"SLURM_RESTART_COUNT", "x"},
                    Malformed{"SLURM_ARRAY_TASK_ID", "1-3"}, Malformed{"SLURM_NTASKS", " 4"},
                    Malformed{"SLURM_GPUS_ON_NODE", "a100:4"}, Malformed{"SLURM_JOB_END_TIME", "Unknown"},
                    Malformed{"SLURM_TASKS_PER_NODE", "2(x"}, Malformed{"SLURM_JOB_NODELIST", "n[1-"}));

}  // namespace
}  // namespace ditmill::slurm

#include "slurm/launch.h"

#include <gmock/gmock.h>

#include <map>

#include "configs/error.h"

namespace ditmill::slurm {
namespace {

using Variables = std::map<std::string, std::string>;
using By = Launch::By;
using testing::HasSubstr;

constexpr int process = 4711;
constexpr const char* open_mpi = "Open MPI v4.1.4, package: Debian OpenMPI";

Launch read(const Variables& variables) {
  return read_launch(
      [&variables](const char* variable) -> const char* {
        const auto found = variables.find(variable);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      process);
}

/// A task's of `srun --mpi=none`.
Variables task(int tasks, Variables more = {}) {
  more.insert({{"SLURM_JOB_ID", "77"},
               {"SLURM_STEP_ID", "0"},
               {"SLURM_STEP_NUM_TASKS", std::to_string(tasks)},
               {"SLURM_PROCID", std::to_string(tasks - 1)},
               {"SLURM_TASK_PID", std::to_string(process)}});
  return more;
}

std::string refusal(const Launch& launch, int ranks, const std::string& mpi = open_mpi) {
  try {
    check_pmix(launch, mpi);
    check_world(launch, ranks, mpi);
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.category()), 1);
    return error.what();
  }
  return "";
}

TEST(Launch, IsNobodysOutsideAStepAndALauncher) {
  for (const Variables& variables :
       {Variables{}, Variables{{"SLURM_JOB_ID", "77"}, {"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}},
        Variables{{"SLURM_STEP_NUM_TASKS", "8"}}, Variables{{"FLUX_JOB_SIZE", "4"}},
        Variables{{"OMPI_COMM_WORLD_SIZE", "many"}}, Variables{{"PMI_SIZE", "0"}}}) {
    const Launch launch = read(variables);
    EXPECT_FALSE(launch.launched());
    EXPECT_FALSE(launch.alone_in_step);
    EXPECT_EQ(launch.world, 1);
  }
}

TEST(Launch, IsOfTheLauncherThatIsNearest) {
  // mpirun and hydra start their daemons by srun, whose variables come down to their ranks.
  const Launch mpirun = read(task(2, {{"OMPI_COMM_WORLD_SIZE", "8"}, {"OMPI_COMM_WORLD_RANK", "5"}}));
  EXPECT_EQ(mpirun.by, By::mpirun);
  EXPECT_EQ(mpirun.world, 8);
  EXPECT_EQ(mpirun.rank, 5);
  const Launch hydra = read(task(2, {{"PMI_SIZE", "6"}, {"PMI_RANK", "1"}, {"MPI_LOCALNRANKS", "3"}}));
  EXPECT_EQ(hydra.by, By::other);
  EXPECT_EQ(hydra.world, 6);
  const Launch srun = read(task(3, {{"PMI_SIZE", "3"}, {"PMI_FD", "11"}}));
  EXPECT_EQ(srun.by, By::srun);
  EXPECT_EQ(srun.variable, "SLURM_STEP_NUM_TASKS");
  EXPECT_TRUE(srun.pmi);
  EXPECT_FALSE(srun.pmix);
}

TEST(Launch, KnowsOtherLaunchersToo) {
  EXPECT_EQ(read({{"PMI_SIZE", "4"}, {"PMI_RANK", "3"}}).rank, 3);
  EXPECT_EQ(read({{"MV2_COMM_WORLD_SIZE", "4"}, {"MV2_COMM_WORLD_RANK", "1"}}).world, 4);
  EXPECT_EQ(read({{"JSM_NAMESPACE_SIZE", "4"}, {"JSM_NAMESPACE_RANK", "1"}}).by, By::other);
  EXPECT_EQ(read({{"FLUX_JOB_SIZE", "4"}, {"FLUX_TASK_RANK", "2"}}).rank, 2);
}

TEST(Launch, OfTheOnlyTaskOfAStepIsAlone) {
  EXPECT_TRUE(read(task(1)).alone_in_step);
  EXPECT_FALSE(read(task(1, {{"PMIX_RANK", "0"}})).alone_in_step);  // PMIx starts it
  EXPECT_FALSE(read(task(1, {{"SLURM_HET_SIZE", "2"}})).alone_in_step);
  // A second program in a task that had PMIx: the first has said goodbye to it.
  EXPECT_TRUE(read(task(1, {{"PMIX_RANK", "0"}, {"SLURM_TASK_PID", "1"}})).alone_in_step);
}

TEST(Launch, ByHandInTheShellOfATerminalIsAloneWhateverTheStepHas) {
  const Variables shell{{"SLURM_PTY_PORT", "4"}, {"SLURM_TASK_PID", "1"}};
  const Launch launch = read(task(4, shell));
  EXPECT_TRUE(launch.alone_in_step);
  EXPECT_FALSE(launch.launched());
  EXPECT_EQ(refusal(launch, 1), "");
  EXPECT_EQ(read(task(4, {{"SLURM_PTY_PORT", "4"}})).world, 4);  // srun --pty ditmill: four of them
  EXPECT_EQ(read(task(4, {{"SLURM_TASK_PID", "1"}})).world, 4);  // a script around it
}

TEST(Launch, WithoutPmixIsRefusedBeforeOpenMpiStarts) {
  EXPECT_THAT(refusal(read(task(3)), 3), HasSubstr("srun --mpi=pmix"));
  EXPECT_THAT(refusal(read(task(3)), 3), HasSubstr("mpirun -n 3"));
  EXPECT_EQ(refusal(read(task(3)), 3, "MPICH Version: 4.0"), "");
  EXPECT_EQ(refusal(read(task(3, {{"PMI_FD", "11"}})), 3), "");  // some builds can
  EXPECT_THAT(pmi_note(read(task(3, {{"PMI_FD", "11"}})), open_mpi), HasSubstr("srun --mpi=pmix"));
  EXPECT_EQ(pmi_note(read(task(3)), open_mpi), "");
  EXPECT_EQ(pmi_note(read(task(3, {{"PMI_FD", "11"}, {"PMIX_RANK", "0"}})), open_mpi), "");
}

TEST(Launch, OfMoreRanksThanMpiHasIsRefused) {
  EXPECT_EQ(refusal(read(task(3, {{"PMIX_RANK", "0"}})), 3), "");
  const std::string unfit = refusal(read(task(3, {{"PMIX_RANK", "0"}})), 1);
  EXPECT_THAT(unfit, HasSubstr("mpirun -n 3"));
  EXPECT_THAT(unfit, Not(HasSubstr("--mpi=pmix")));  // that is how it was started
  const std::string hydra = refusal(read({{"PMI_SIZE", "4"}, {"PMI_RANK", "0"}}), 1);
  EXPECT_THAT(hydra, HasSubstr("mpirun -n 4"));
  EXPECT_THAT(hydra, HasSubstr("Open MPI v4.1.4"));
  EXPECT_THAT(hydra, HasSubstr("PMI_SIZE"));
  EXPECT_EQ(refusal(read(task(2, {{"PMIX_RANK", "0"}})), 5), "");  // srun a : b
}

TEST(Launch, OfSeveralIsNoPlaceToStartRanksFrom) {
  EXPECT_NO_THROW(check_launches_once({}));
  EXPECT_NO_THROW(check_launches_once(read(task(1))));
  EXPECT_NO_THROW(check_launches_once(read({{"OMPI_COMM_WORLD_SIZE", "1"}})));
  EXPECT_THROW(check_launches_once(read(task(3))), Error);
  EXPECT_THROW(check_launches_once(read({{"OMPI_COMM_WORLD_SIZE", "2"}})), Error);
}

}  // namespace
}  // namespace ditmill::slurm

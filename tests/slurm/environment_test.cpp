#include "slurm/environment.h"

#include <gmock/gmock.h>

namespace ditmill::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Variables = std::vector<std::string>;

Variables of_sbatch(const Variables& environment) { return command_environment(environment, "sbatch"); }

TEST(CommandEnvironment, HasNothingThatAnAllocationOrAStepSets) {
  EXPECT_THAT(of_sbatch({"SLURM_JOB_ID=31",
                         "SLURM_JOBID=31",
                         "SLURM_JOB_CPUS_PER_NODE=4",
                         "SLURM_JOB_END_TIME=1795740000",
                         "SLURM_STEP_ID=0",
                         "SLURM_STEP_NUM_TASKS=4",
                         "SLURM_CPUS_PER_TASK=1",
                         "SLURM_CPUS_ON_NODE=4",
                         "SLURM_MEM_PER_CPU=100",
                         "SLURM_MEM_PER_NODE=0",
                         "SLURM_NTASKS=4",
                         "SLURM_NTASKS_PER_NODE=2",
                         "SLURM_TASKS_PER_NODE=2(x2)",
                         "SLURM_TRES_PER_TASK=cpu:1",
                         "SLURM_GPUS=2",
                         "SLURM_GPUS_ON_NODE=2",
                         "SLURM_ARRAY_TASK_ID=3",
                         "SLURM_RESTART_COUNT=1",
                         "SLURM_PTY_PORT=4711",
                         "SLURM_NODELIST=n[1-2]",
                         "SLURM_TOPOLOGY_ADDR=n1",
                         "SLURM_PMIX_MAPPING_SERV=(vector,(0,1,3))",
                         "SLURMD_NODENAME=n1",
                         "SRUN_DEBUG=3",
                         "_SLURM_SPANK_OPTION_pyxis_image=x"}),
              IsEmpty());
}

TEST(CommandEnvironment, HasNothingThatALauncherOfRanksSets) {
  EXPECT_THAT(
      of_sbatch({"PMIX_RANK=0", "PMIX_NAMESPACE=slurm.pmix.31.0", "PMIX_SERVER_URI4=x", "PMI_RANK=0",
                 "PMI_FD=11", "PMI2_SPAWNED=0", "MPI_LOCALRANKID=0", "MPI_LOCALNRANKS=4",
                 "OMPI_COMM_WORLD_SIZE=4", "OMPI_UNIVERSE_SIZE=4", "OMPI_MCA_ess_base_jobid=1",
                 "OMPI_MCA_ess=^singleton", "OMPI_MCA_orte_hnp_uri=1.0;tcp://127.0.0.1:1",
                 "OMPI_MCA_orte_tmpdir_base=/tmp", "OMPI_MCA_pmix=^s1,s2",
                 "PMIX_MCA_mca_base_component_show_load_errors=1", "MV2_COMM_WORLD_RANK=0", "PALS_RANKID=0"}),
      IsEmpty());
}

TEST(CommandEnvironment, KeepsWhatItsUserHasSet) {
  const Variables set{"HOME=/home/me",
                      "PATH=/usr/bin",
                      "SLURM_CONF=/etc/slurm/slurm.conf",
                      "SLURM_CLUSTERS=big",
                      "SLURM_JWT=x",
                      "SLURM_TIME_FORMAT=relative",
                      "SLURM_EXIT_ERROR=9",
                      "SLURM_PMIX_FENCE=ring",
                      "SLURM_TASK_PROLOG=/etc/prolog",
                      "SLURM_ROOT=/opt/slurm",
                      "SBATCH_ACCOUNT=cats",
                      "SBATCH_EXPORT=ALL",
                      "SQUEUE_STATES=PENDING",
                      "SRUN_CPUS_PER_TASK=4",
                      "PMIX_MCA_gds=hash",
                      "OMPI_MCA_btl=tcp,self",
                      "OMPI_MCA_orte_keep_fqdn_hostnames=1",
                      "OMPI_ALLOW_RUN_AS_ROOT=1",
                      "OMP_NUM_THREADS=4",
                      "I_MPI_HYDRA_BOOTSTRAP=slurm",
                      "FLUX_URI=local:///run/flux",
                      "SLURMISH=1"};
  EXPECT_EQ(of_sbatch(set), set);
}

TEST(CommandEnvironment, TakesWhatUserAndAllocationBothSetForTheAllocationsOnlyInOne) {
  const Variables set{"SLURM_CPU_BIND=none", "SLURM_HINT=nomultithread", "SLURM_EXPORT_ENV=NONE",
                      "CUDA_VISIBLE_DEVICES=1", "OMPI_MCA_orte_tmpdir_base=/local"};
  EXPECT_EQ(of_sbatch(set), set);
  Variables inside = set;
  inside.emplace_back("SLURM_STEP_ID=0");
  EXPECT_THAT(of_sbatch(inside), ElementsAre("OMPI_MCA_orte_tmpdir_base=/local"));
}

TEST(CommandEnvironment, SparesCommandsThatAreReadWhatItsUserSetsForHisOwnLooks) {
  const Variables set{"SQUEUE_STATES=PENDING", "SACCT_FORMAT=user",    "SCANCEL_INTERACTIVE=1",
                      "SCONTROL_ALL=1",        "SLURM_TIME_FORMAT=%s", "SLURM_CLUSTERS=big"};
  for (const char* command : {"squeue", "scancel", "scontrol", "env"}) {
    EXPECT_THAT(command_environment(set, command), ElementsAre("SLURM_CLUSTERS=big")) << command;
  }
}

TEST(RankVariables, AreThoseOfLaunchersAndNotOfTheAllocation) {
  EXPECT_THAT(rank_variables(Variables{"SLURM_JOB_ID=31", "PMIX_RANK=0", "OMPI_COMM_WORLD_RANK=0",
                                       "OMPI_MCA_btl=tcp", "OMPI_MCA_orte_tmpdir_base=/tmp"}),
              UnorderedElementsAre("PMIX_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_MCA_orte_tmpdir_base"));
}

}  // namespace
}  // namespace ditmill::slurm

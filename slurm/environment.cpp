#include "slurm/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace ditmill::slurm {
namespace {

/// Names; with a * at their end, what names begin with.
using Names = std::span<const std::string_view>;

// By what Slurm 22.05 to 26.05 set, and by the input variables of the manual pages of their commands.

/// Of allocations and steps alone, sizes first: those that srun reads, too, are a job's own in any case.
constexpr std::array<std::string_view, 54> of_slurm{"SLURM_CPUS_*",
                                                    "SLURM_MEM_PER_*",
                                                    "SLURM_NTASKS*",
                                                    "SLURM_NPROCS",
                                                    "SLURM_NNODES",
                                                    "SLURM_GPUS*",
                                                    "SLURM_SHARDS_*",
                                                    "SLURM_TRES_PER_*",
                                                    "SLURM_TASKS_PER_NODE",
                                                    "SLURM_STEP_GRES",
                                                    "SLURM_NSOCKETS_PER_NODE",
                                                    "SLURM_NCORES_PER_SOCKET",
                                                    "SLURM_JOBID",
                                                    "SLURM_JOB_*",
                                                    "SLURM_STEPID",
                                                    "SLURM_STEPMGR",
                                                    "SLURM_STEP_ID",
                                                    "SLURM_STEP_NODELIST",
                                                    "SLURM_STEP_NUM_*",
                                                    "SLURM_STEP_TASKS_*",
                                                    "SLURM_STEP_LAUNCHER_*",
                                                    "SLURM_STEP_GPUS",
                                                    "SLURM_STEP_RESV_PORTS",
                                                    "SLURM_ARRAY_*",
                                                    "SLURM_HET_*",
                                                    "SLURM_PACK_*",
                                                    "SLURM_NODEID",
                                                    "SLURM_NODELIST",
                                                    "SLURM_NODE_ALIASES",
                                                    "SLURM_ARBITRARY_NODELIST",
                                                    "SLURM_PROCID",
                                                    "SLURM_LOCALID",
                                                    "SLURM_GTIDS",
                                                    "SLURM_TASK_PID",
                                                    "SLURM_PRIO_PROCESS",
                                                    "SLURM_RESTART_COUNT",
                                                    "SLURM_SUBMIT_*",
                                                    "SLURM_LAUNCH_*",
                                                    "SLURM_SRUN_COMM_*",
                                                    "SLURM_SRUN_TLS_*",
                                                    "SLURM_PTY_*",
                                                    "SLURM_TOPOLOGY_*",
                                                    "SLURM_CLUSTER_NAME",
                                                    "SLURM_WORKING_CLUSTER",
                                                    "SLURM_SCRIPT_CONTEXT",
                                                    "SLURM_GET_USER_ENV",
                                                    "SLURM_CONTAINER*",
                                                    "SLURM_PMIXP_*",
                                                    "SLURM_PMIX_MAPPING_SERV",
                                                    "SLURM_PMI2_*",
                                                    "SLURM_SPANK_*",
                                                    "_SLURM_SPANK_*",
                                                    "SLURMD_*",
                                                    "SRUN_DEBUG"};

/// What a user sets, and an allocation for what runs in it: his where there is no allocation.
constexpr std::array<std::string_view, 31> of_either{"SLURM_ACCTG_FREQ",
                                                     "SLURM_CPU_BIND*",
                                                     "SLURM_CPU_FREQ_REQ",
                                                     "SLURM_DISTRIBUTION",
                                                     "SLURM_DIST_PLANESIZE",
                                                     "SLURM_EXPORT_ENV",
                                                     "SLURM_GPU_BIND",
                                                     "SLURM_GPU_FREQ",
                                                     "SLURM_HINT",
                                                     "SLURM_LABELIO",
                                                     "SLURM_MEM_BIND*",
                                                     "SLURM_MPI_TYPE",
                                                     "SLURM_NETWORK",
                                                     "SLURM_OOMKILLSTEP",
                                                     "SLURM_OOM_KILL_STEP",
                                                     "SLURM_OVERCOMMIT",
                                                     "SLURM_PROFILE",
                                                     "SLURM_THREADS_PER_CORE",
                                                     "SLURM_TRES_BIND",
                                                     "SLURM_UMASK",
                                                     "SLURM_WCKEY",
                                                     "SBATCH_MEM_BIND_LIST",
                                                     "SBATCH_MEM_BIND_PREFER",
                                                     "SBATCH_MEM_BIND_SORT",
                                                     "SBATCH_MEM_BIND_TYPE",
                                                     "SBATCH_MEM_BIND_VERBOSE",
                                                     "CUDA_VISIBLE_DEVICES",
                                                     "GPU_DEVICE_ORDINAL",
                                                     "ROCR_VISIBLE_DEVICES",
                                                     "ZE_AFFINITY_MASK",
                                                     "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"};

constexpr std::array<std::string_view, 35> of_launchers{"PMIX_*",
                                                        "PMI_*",
                                                        "PMI2_*",
                                                        "OMPI_APP_CTX_NUM_PROCS",
                                                        "OMPI_ARGV",
                                                        "OMPI_COMMAND",
                                                        "OMPI_COMM_WORLD_*",
                                                        "OMPI_FILE_LOCATION",
                                                        "OMPI_FIRST_RANKS",
                                                        "OMPI_NUM_APP_CTX",
                                                        "OMPI_UNIVERSE_SIZE",
                                                        "OMPI_MCA_ess",
                                                        "OMPI_MCA_ess_*",
                                                        "OMPI_MCA_initial_wdir",
                                                        "OMPI_MCA_orte_app_num",
                                                        "OMPI_MCA_orte_ess_*",
                                                        "OMPI_MCA_orte_hnp_uri",
                                                        "OMPI_MCA_orte_jobfam_session_dir",
                                                        "OMPI_MCA_orte_launch",
                                                        "OMPI_MCA_orte_local_daemon_uri",
                                                        "OMPI_MCA_orte_num_nodes",
                                                        "OMPI_MCA_orte_parent_uri",
                                                        "OMPI_MCA_orte_precondition_transports",
                                                        "OMPI_MCA_orte_top_session_dir",
                                                        "OMPI_MCA_shmem_RUNTIME_QUERY_hint",
                                                        "ORTE_*",
                                                        "PRTE_*",
                                                        "MPI_LOCALNRANKS",
                                                        "MPI_LOCALRANKID",
                                                        "HYDI_*",
                                                        "MV2_COMM_WORLD_*",
                                                        "PALS_*",
                                                        "JSM_NAMESPACE_*",
                                                        "FLUX_JOB_*",
                                                        "FLUX_TASK_*"};

/// Of those, what their users set.
constexpr std::array<std::string_view, 7> for_launchers{
    "PMIX_MCA_*", "PMIX_INSTALL_PREFIX",     "PMIX_DEBUG", "PMI_NO_*",
    "PMI_DEBUG",  "PMI_MMAP_SYNC_WAIT_TIME", "PRTE_MCA_*"};

/// What a user sets for mpirun, and mpirun for its ranks: the latter's in a rank.
constexpr std::array<std::string_view, 4> of_mpirun{"OMPI_MCA_orte_tmpdir_base", "OMPI_MCA_pmix",
                                                    "OMPI_MCA_mpi_oversubscribe",
                                                    "PMIX_MCA_mca_base_component_show_load_errors"};

/// What changes what the commands show.
constexpr std::array<std::string_view, 5> of_looks{"SQUEUE_*", "SACCT_*", "SCANCEL_*", "SCONTROL_*",
                                                   "SLURM_TIME_FORMAT"};

bool holds(Names names, std::string_view name) {
  return std::ranges::any_of(names, [name](std::string_view each) {
    return each.ends_with('*') ? name.starts_with(each.substr(0, each.size() - 1)) : name == each;
  });
}

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

/// Which variables of an environment are of what the process runs in.
class Surroundings {
 public:
  explicit Surroundings(std::span<const std::string> environment) {
    for (const std::string& variable : environment) {
      const std::string_view name = name_of(variable);
      in_allocation_ = in_allocation_ || holds(of_slurm, name);
      in_mpirun_ = in_mpirun_ || name.starts_with("OMPI_COMM_WORLD_");
    }
  }

  bool of_allocation(std::string_view name) const {
    return holds(of_slurm, name) || (in_allocation_ && holds(of_either, name));
  }
  bool of_rank(std::string_view name) const {
    return (holds(of_launchers, name) && !holds(for_launchers, name)) ||
           (in_mpirun_ && holds(of_mpirun, name));
  }

 private:
  bool in_allocation_ = false;
  bool in_mpirun_ = false;
};

}  // namespace

std::vector<std::string> own_environment() {
  std::vector<std::string> environment;
  for (char** variable = ::environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
  return environment;
}

std::vector<std::string> command_environment(std::span<const std::string> environment,
                                             std::string_view command) {
  const Surroundings surroundings{environment};
  std::vector<std::string> kept;
  for (const std::string& variable : environment) {
    const std::string_view name = name_of(variable);
    if (surroundings.of_allocation(name) || surroundings.of_rank(name)) continue;
    if (command != "sbatch" && holds(of_looks, name)) continue;
    kept.push_back(variable);
  }
  return kept;
}

std::vector<std::string> rank_variables(std::span<const std::string> environment) {
  const Surroundings surroundings{environment};
  std::vector<std::string> names;
  for (const std::string& variable : environment) {
    if (const std::string_view name = name_of(variable); surroundings.of_rank(name)) names.emplace_back(name);
  }
  return names;
}

}  // namespace ditmill::slurm

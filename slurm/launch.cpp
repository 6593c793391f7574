#include "slurm/launch.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>

#include "configs/error.h"
#include "configs/number_text.h"
#include "slurm/environment.h"

namespace ditmill::slurm {
namespace {

constexpr const char* starting_ranks = "start the ranks";
constexpr const char* by_pmix = "srun --mpi=pmix";

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  bool has(const char* name) const { return environment_(name) != nullptr; }
  std::optional<int> count(const char* name) const {
    const char* text = environment_(name);
    return text == nullptr ? std::nullopt : number_from_text<int>(text);
  }
  /// What the variables of a launcher say; none if they are not set.
  std::optional<Launch> launch(Launch::By by, const char* size, const char* rank) const {
    const std::optional<int> world = count(size);
    if (!world || *world < 1) return std::nullopt;
    return Launch{.by = by, .world = *world, .rank = count(rank).value_or(0), .variable = size};
  }

 private:
  const Environment& environment_;
};

/// Of a process in a step of Slurm's. A task has its process id from Slurm, and keeps it when its program
/// replaces itself by another.
std::optional<Launch> launch_in_step(const Variables& variables, int process) {
  if (!variables.has("SLURM_STEP_ID") && !variables.has("SLURM_STEPID")) return std::nullopt;
  std::optional<Launch> launch = variables.launch(Launch::By::srun, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID");
  if (!launch) return std::nullopt;
  launch->pmix = variables.has("PMIX_NAMESPACE") || variables.has("PMIX_RANK");
  launch->pmi = variables.has("PMI_RANK") || variables.has("PMI_FD");
  const std::optional<int> task = variables.count("SLURM_TASK_PID");
  const bool is_task = task == process;
  const bool by_hand = task && !is_task && variables.has("SLURM_PTY_PORT");
  const bool has_others = launch->world > 1 || variables.count("SLURM_HET_SIZE").value_or(1) > 1;
  if (by_hand || (!has_others && !(launch->pmix && is_task))) return Launch{.alone_in_step = true};
  return launch;
}

bool is_open_mpi(const std::string& mpi_version) { return mpi_version.starts_with("Open MPI"); }

bool lacks_pmix(const Launch& launch, const std::string& mpi_version) {
  return launch.by == Launch::By::srun && launch.world > 1 && !launch.pmix && is_open_mpi(mpi_version);
}

/// How to start as many ranks so that they find each other.
std::string cure(const Launch& launch) {
  const std::string ranks = std::to_string(launch.world);
  const std::string by_mpirun = "mpirun -n " + ranks;
  if (launch.by != Launch::By::srun) return "start it with this MPI's own launcher: " + by_mpirun;
  if (launch.pmix) {
    return "Slurm's PMIx and this MPI's do not fit: start it in an allocation (salloc, sbatch) with " +
           by_mpirun;
  }
  return std::string{"start it with "} + by_pmix +
         " (`srun --mpi=list` names what the cluster has), or in an " + "allocation (salloc, sbatch) with " +
         by_mpirun;
}

std::string started(const Launch& launch) {
  const char* by = launch.by == Launch::By::srun     ? "srun"
                   : launch.by == Launch::By::mpirun ? "Open MPI's mpirun"
                                                     : "another MPI's launcher";
  return std::to_string(launch.world) + " that " + by + " has started (" + launch.variable + ")";
}

}  // namespace

Launch read_launch(const Environment& environment, int process) {
  const Variables variables{environment};
  using By = Launch::By;
  // A launcher inside a step starts its own daemons by srun, and their variables come down to the ranks.
  if (const auto launch = variables.launch(By::mpirun, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")) {
    return *launch;
  }
  const auto pmi = variables.launch(By::other, "PMI_SIZE", "PMI_RANK");
  if (pmi && variables.has("MPI_LOCALNRANKS")) return *pmi;
  if (const auto launch = launch_in_step(variables, process)) return *launch;
  if (pmi) return *pmi;
  static constexpr std::array<std::array<const char*, 2>, 3> others{
      {{"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
       {"JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"},
       {"FLUX_JOB_SIZE", "FLUX_TASK_RANK"}}};
  for (const auto& [size, rank] : others) {
    const auto launch = variables.launch(By::other, size, rank);
    if (launch && variables.has(rank)) return *launch;
  }
  return {};
}

Launch read_launch() {
  return read_launch([](const char* variable) { return std::getenv(variable); }, ::getpid());
}

void forget_launch() {
  for (const std::string& name : rank_variables(own_environment())) ::unsetenv(name.c_str());
  for (const char* name : {"SLURM_STEP_ID", "SLURM_STEPID"}) ::unsetenv(name);
}

void check_pmix(const Launch& launch, const std::string& mpi_version) {
  if (!lacks_pmix(launch, mpi_version) || launch.pmi) return;
  throw Error{Category::usage,
              starting_ranks,
              {},
              Expected{started(launch) + ", in one world of MPI's"},
              Got{"tasks that srun gave no PMIx, by which they would find each other"},
              cure(launch)};
}

void check_world(const Launch& launch, int ranks, const std::string& mpi_version) {
  if (ranks >= launch.world) return;
  throw Error{Category::usage,
              starting_ranks,
              {},
              Expected{started(launch) + ", in one world of MPI's"},
              Got{"a world of " + std::to_string(ranks) + ", by " + mpi_version},
              cure(launch)};
}

void check_launches_once(const Launch& launch) {
  if (launch.world == 1) return;
  throw Error{Category::usage,
              starting_ranks,
              Where{.key = "--np"},
              Expected{"one process, which starts the ranks"},
              Got{started(launch)},
              launch.by == Launch::By::srun
                  ? std::string{"start it without srun; or with "} + by_pmix + ", and without --np"
                  : "start it without a launcher, or without --np"};
}

std::string pmi_note(const Launch& launch, const std::string& mpi_version) {
  if (!lacks_pmix(launch, mpi_version) || !launch.pmi) return {};
  return "srun speaks PMI with its tasks, and not PMIx; if Open MPI refuses it now: " + cure(launch);
}

}  // namespace ditmill::slurm

#pragma once

#include <string>

#include "slurm/allocation.h"

namespace ditmill::slurm {

/// Who started this process, and how many beside it, by the variables that launchers set for their ranks.
struct Launch {
  enum class By {
    nobody,  ///< no launcher, or one whose variables only came down from the shell
    mpirun,  ///< Open MPI's
    srun,
    other,  ///< another MPI's
  };
  By by = By::nobody;
  int world = 1;              ///< processes that were started
  int rank = 0;               ///< which of them this is
  std::string variable = {};  ///< that says so: SLURM_STEP_NUM_TASKS
  bool pmix = false;          ///< srun: --mpi=pmix was given
  bool pmi = false;           ///< srun: --mpi=pmi2 or the like was given
  /// It is in a step of Slurm's that gives it no others: the step's only task, or started by hand from the
  /// shell of `srun --pty`, whose variables tell of tasks that are shells themselves.
  bool alone_in_step = false;

  bool launched() const noexcept { return by != By::nobody; }
};

/// `process` is the id of the process that asks. Malformed numbers count as not set.
Launch read_launch(const Environment& environment, int process);
/// Of this process.
Launch read_launch();

/// Takes the launchers' variables out of this process's environment, and those by which Open MPI 4 takes a
/// lone process for one of srun's, and refuses to start: MPI then starts it alone, and mpirun starts ranks
/// under it. Not while other threads run.
void forget_launch();

/// These throw Error(usage) with what to type, on every rank: a launcher may end the others with the first.
/// Before MPI_Init: if Open MPI was started by srun without PMIx. It would end the process there, with advice
/// on how to build it. What it may yet manage, with an older interface, is not refused: see pmi_note().
void check_pmix(const Launch& launch, const std::string& mpi_version);
/// After it: if MPI has a world of fewer ranks than were started. Each would run the whole job.
void check_world(const Launch& launch, int ranks, const std::string& mpi_version);
/// Before `run --np N` starts ranks: if it was itself started several times.
void check_launches_once(const Launch& launch);
/// What to say before MPI_Init where srun speaks an interface that few builds of Open MPI know; empty:
/// nothing.
std::string pmi_note(const Launch& launch, const std::string& mpi_version);

}  // namespace ditmill::slurm

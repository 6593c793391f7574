#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::slurm {

/// The environment of this process: "NAME=value" each.
std::vector<std::string> own_environment();

/// What a command of Slurm's gets of an environment: all but what an allocation, a step or a launcher of
/// ranks has set for what runs in it (cores, memory, steps, GPUs, ranks), which is not for another job. What
/// its user sets for Slurm's commands and for MPI stays: SLURM_CONF, SBATCH_*, OMPI_MCA_btl. Where a variable
/// can come from both, it is the allocation's in a shell that has one. Commands other than sbatch, whose
/// output is read, are also spared what the user has set for his own looks: SQUEUE_STATES, SLURM_TIME_FORMAT.
std::vector<std::string> command_environment(std::span<const std::string> environment,
                                             std::string_view command);

/// The names of the variables by which launchers of ranks (mpirun, mpiexec, srun --mpi) speak to a rank.
std::vector<std::string> rank_variables(std::span<const std::string> environment);

}  // namespace ditmill::slurm

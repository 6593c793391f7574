#pragma once

#include <string>
#include <vector>

namespace ditmill::slurm {

/// Open MPI's mpirun: $DITMILL_MPIRUN, else that of the PATH.
std::string mpirun_name();
/// The words before the program that it starts: "mpirun -n 4".
std::vector<std::string> launcher_words(int ranks);

/// mpirun refuses root unless told, by the environment, that it is meant: tells it, if this is root.
void allow_root();

}  // namespace ditmill::slurm

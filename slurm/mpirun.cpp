#include "slurm/mpirun.h"

#include <unistd.h>

#include <cstdlib>

namespace ditmill::slurm {

std::string mpirun_name() {
  const char* named = std::getenv("DITMILL_MPIRUN");
  return named == nullptr ? "mpirun" : named;
}

std::vector<std::string> launcher_words(int ranks) { return {mpirun_name(), "-n", std::to_string(ranks)}; }

void allow_root() {
  if (::geteuid() != 0) return;
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
}

}  // namespace ditmill::slurm

#include "jobs/cli/launch/start_doctor.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/submit/staging/engine_path.h"
#include "slurm/allocation.h"
#include "slurm/launch.h"
#include "slurm/mpirun.h"
#include "slurm/process.h"

namespace ditmill::jobs::cli {
namespace {

/// Returns only if there is no such command.
void become(std::vector<std::string> words, int argc, char** argv) {
  words.push_back(submit::engine_path());
  words.insert(words.end(), argv + 1, argv + argc);
  const std::vector<char*> arguments = slurm::exec_words(words);
  ::execvp(arguments.front(), arguments.data());
  if (errno != ENOENT) throw system_error(errno, "start " + words.front());
}

}  // namespace

void start_doctor(const bench::DoctorOptions& options, int argc, char** argv) {
  const slurm::Allocation allocation = slurm::read_allocation();
  if (slurm::read_launch().launched() || !allocation.inside()) submit::become_engine(argv);
  const int nodes = std::max(1, static_cast<int>(allocation.nodes.size()));
  slurm::forget_launch();
  slurm::allow_root();
  std::vector<std::string> words = slurm::launcher_words(nodes);
  // Three looks, each with its waits, and the start of the ranks. srun's limit may be refused by the
  // partition.
  const int patience = 120 + 12 * options.seconds;
  words.insert(words.end(), {"--map-by", "ppr:1:node", "--bind-to", "none", "--timeout",
                             std::to_string(patience), "--report-state-on-timeout"});
  become(words, argc, argv);
  const std::string count = std::to_string(nodes);
  become({"srun", "--mpi=pmix", "--overlap", "--nodes=" + count, "--ntasks=" + count, "--ntasks-per-node=1"},
         argc, argv);
  throw Error{Category::io,
              "start the doctor on every node",
              {},
              Expected{"mpirun or srun on the PATH"},
              Got{"neither"},
              "load a module"};
}

}  // namespace ditmill::jobs::cli

#include "jobs/cli/options/doctor_options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "configs/error.h"
#include "jobs/cli/engine_path.h"
#include "jobs/cli/launch.h"
#include "slurm/allocation.h"
#include "slurm/launch.h"

namespace ditmill::jobs {
namespace {

/// Returns only if there is no such command.
void become(std::vector<std::string> words, int argc, char** argv) {
  words.push_back(engine_path());
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  if (errno != ENOENT) throw system_error(errno, "start " + words.front());
}

}  // namespace

CLI::App* add_doctor_options(CLI::App& app, DoctorOptions& options) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Compare the nodes of an allocation, and name the odd one; or look at this machine");
  command->add_option("--dir", options.folder, "Whose file system is measured")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--seconds", options.seconds,
                   "What a look may take, about; where rates differ it takes up to three")
      ->check(CLI::Range(5, 3600))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--min-gpus", options.min_gpus, "A node with fewer is odd")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  command->add_flag("--json", options.json, "Results as JSON");
  command->add_option("--out", options.out, "Write results to a file instead of standard output")
      ->type_name("FILE");
  return command;
}

void start_doctor(const DoctorOptions& options, int argc, char** argv) {
  const slurm::Allocation allocation = slurm::read_allocation();
  if (slurm::read_launch().launched() || !allocation.inside()) become_engine(argv);
  const int nodes = std::max(1, static_cast<int>(allocation.nodes.size()));
  slurm::forget_launch();
  allow_root();
  std::vector<std::string> words = launcher_words(nodes);
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

}  // namespace ditmill::jobs

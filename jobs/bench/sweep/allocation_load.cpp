#include "jobs/bench/sweep/allocation_load.h"

#include <fmt/format.h>

#include "slurm/command.h"
#include "slurm/launch.h"
#include "slurm/mpirun.h"
#include "slurm/process.h"

namespace ditmill::jobs::bench {
namespace {

bool has_mpirun() {
  try {
    return slurm::run_command({slurm::mpirun_name(), "--version"}).out.find("Open MPI") != std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

bool load_in_allocation(const SweepLoad& load, const slurm::Allocation& allocation,
                        const slurm::Foreground& foreground) {
  std::string hosts;
  std::string names;
  for (int i = 0; i < load.nodes; ++i) {
    const std::string& node = allocation.nodes[static_cast<std::size_t>(i)];
    hosts += fmt::format("{}{}:{}", i > 0 ? "," : "", node, load.ranks_per_node);
    names += (i > 0 ? "," : "") + node;
  }
  const int ranks = load.nodes * load.ranks_per_node;
  std::vector<std::string> words;
  if (has_mpirun()) {
    slurm::forget_launch();
    slurm::allow_root();
    words = slurm::launcher_words(ranks);
    words.insert(words.end(), {"--host", hosts, "--map-by", fmt::format("ppr:{}:node", load.ranks_per_node)});
  } else {
    words = {"srun",
             "--mpi=pmix",
             "--overlap",
             "--kill-on-bad-exit=1",
             "--nodelist=" + names,
             fmt::format("--nodes={}", load.nodes),
             fmt::format("--ntasks={}", ranks),
             fmt::format("--ntasks-per-node={}", load.ranks_per_node)};
  }
  words.insert(words.end(), load.engine.begin(), load.engine.end());
  const slurm::Foreground::Ended ended = foreground.run(words, "load the module that has Open MPI's mpirun");
  if (!ended.told) check_end(load, slurm::exit_code_of(ended.status), "nodes " + names);
  return ended.told;
}

}  // namespace ditmill::jobs::bench

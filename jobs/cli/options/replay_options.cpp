#include "jobs/cli/options/replay_options.h"

#include <CLI/CLI.hpp>

namespace ditmill::jobs::cli {

CLI::App* add_replay_options(CLI::App& results, engine::ReplayOptions& options) {
  CLI::App* command = results.add_subcommand("replay",
                                             "Make one item again from its stored config, and compare; under "
                                             "mpirun or srun --mpi=pmix, on all its ranks");
  plan::RunOptions& run = options.run;
  command->add_option("run", options.run_directory, "A run directory")->required();
  command->add_option("id", options.id, "An item that is done")->required();
  command->add_option("--keep", options.keep, "Keep what is made, as a run directory of its own")
      ->type_name("DIR");
  command
      ->add_option("--set", run.sets,
                   "a.b.c=V: changes a field of the stored config, as model.path=DIR for weights that moved")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      ->add_option("--device", run.device,
                   "Where to compute: auto (a CUDA device where there is one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("DEVICE")
      ->capture_default_str();
  command->add_option("--threads", run.threads, "Threads a rank (default: as the item had)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command->add_flag("--skip-memory-check", run.skip_memory_check,
                    "Start even if the plan says that the machines have too little memory");
  command->add_flag("--json", run.json, "Results as JSON");
  command->add_option("--out", run.out, "Write results to a file instead of standard output")
      ->type_name("FILE");
  command->add_option("--log-level", run.log_level, "trace, debug, info, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL")
      ->capture_default_str();
  return command;
}

}  // namespace ditmill::jobs::cli

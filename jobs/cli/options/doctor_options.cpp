#include "jobs/cli/options/doctor_options.h"

#include <CLI/CLI.hpp>

namespace ditmill::jobs::cli {

CLI::App* add_doctor_options(CLI::App& app, bench::DoctorOptions& options) {
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

}  // namespace ditmill::jobs::cli

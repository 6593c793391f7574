#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ditmill::jobs {

/// What the command line of `doctor` says.
struct DoctorOptions {
  std::string folder = ".";  ///< --dir: whose file system is measured
  int seconds = 30;          ///< --seconds: what a look may take, about
  int min_gpus = 0;          ///< --min-gpus
  bool json = false;
  std::string out;  ///< --out FILE
};

/// Both executables read the same command line.
CLI::App* add_doctor_options(CLI::App& app, DoctorOptions& options);

/// Replaces the front by what `doctor` runs as: the engine where a launcher has started this process or there
/// is no allocation; else mpirun, or srun where there is none, of the engine once a node. mpirun ends a
/// doctor that hangs where no rank can tell, as in MPI_Init. Throws Error.
[[noreturn]] void start_doctor(const DoctorOptions& options, int argc, char** argv);

}  // namespace ditmill::jobs

#pragma once

#include "jobs/bench/doctor/doctor_options.h"

namespace ditmill::jobs::cli {

/// Replaces the front by what `doctor` runs as: the engine where a launcher has started this process or there
/// is no allocation; else mpirun, or srun where there is none, of the engine once a node. mpirun ends a
/// doctor that hangs where no rank can tell, as in MPI_Init. Throws Error.
[[noreturn]] void start_doctor(const bench::DoctorOptions& options, int argc, char** argv);

}  // namespace ditmill::jobs::cli

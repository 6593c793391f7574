#pragma once

#include "jobs/bench/doctor/doctor_options.h"
#include "jobs/cli/options/cli_app.h"

namespace ditmill::jobs::cli {

/// Both executables read the same command line.
CLI::App* add_doctor_options(CLI::App& app, bench::DoctorOptions& options);

}  // namespace ditmill::jobs::cli

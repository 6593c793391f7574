#pragma once

#include <string>
#include <vector>

#include "jobs/plan/prepare.h"

namespace ditmill::jobs::cli {

/// `run --np N`: starts mpirun, waits for the job's end, and starts it again, at most --max-crashes times, if
/// a rank was lost; the job resumes. SIGTERM, SIGINT and SIGHUP go on to the job as SIGTERM, SIGUSR2 as it
/// is. `arguments` is the whole command line. Returns the job's exit code. Throws Error where mpirun cannot
/// be started, and with what is wrong with the job, before anything is started.
int launch_run(const plan::RunOptions& options, const std::vector<std::string>& arguments);

}  // namespace ditmill::jobs::cli

#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "jobs/prepare.h"
#include "slurm/squeue.h"

namespace ditmill::jobs {

struct SubmitOptions {
  RunOptions run;  ///< manifest, sets, run_dir; --nodes and the like are further sets of `slurm:`
  std::vector<std::string> sbatch;  ///< what follows `--`
  bool print_script = false;
  bool test_only = false;
  bool wait = false;
  bool json = false;
};

void add_submit_options(CLI::App& command, SubmitOptions& options);

/// `ditmill submit`: checks the job as `run --check` does, freezes what it reads in RUN/submit, and gives a
/// batch script to sbatch. Prints the job's id; returns 0, with --wait the run's exit code. Throws Error:
/// what is wrong with the job or its degrees, a live job of the run directory, what sbatch refuses.
int submit_run(const SubmitOptions& options, std::ostream& out);

/// The id of the last job submitted for a run directory; empty: none, or not by `submit`.
std::string submitted_job(const RunDirectory& run);
/// The job of a run directory that is queued or at work. Throws Error.
std::optional<slurm::QueuedJob> live_job_of(const RunDirectory& run);

}  // namespace ditmill::jobs

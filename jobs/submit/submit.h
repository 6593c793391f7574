#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "jobs/plan/prepare.h"

namespace ditmill::jobs::submit {

struct SubmitOptions {
  plan::RunOptions run;  ///< manifest, sets, run_dir; --nodes and the like are further sets of `slurm:`
  std::vector<std::string> sbatch;  ///< what follows `--`
  std::string array;                ///< --array K or K%M; empty: a single run, or what the run directory is
  bool retry = false;               ///< --retry, with or without states
  bool print_script = false;
  bool test_only = false;
  bool wait = false;
  bool json = false;
};

/// `ditmill submit`: checks the job as `run --check` does, freezes what it reads in RUN/submit, and gives a
/// batch script to sbatch. Prints the job's id; returns 0, with --wait the run's exit code. Of an array
/// only the shards are submitted that are neither finished nor alive, and behind them a job that merges all.
/// Throws Error: what is wrong with the job or its degrees, what `run` would refuse of its items, a live job
/// of the run directory, what sbatch refuses.
int submit_run(const SubmitOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::submit

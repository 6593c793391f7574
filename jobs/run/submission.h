#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jobs/results/files/durable.h"
#include "jobs/results/files/run_directory.h"
#include "slurm/batch_script.h"
#include "slurm/squeue.h"

namespace ditmill::jobs::run {

/// What `ditmill submit` keeps in RUN/submit.
struct SubmissionFiles {
  explicit SubmissionFiles(const results::RunDirectory& run) : folder(run.submission()) {}

  std::string script() const { return folder + "/job.sh"; }
  std::string merge_script() const { return folder + "/merge.sh"; }
  std::string manifest() const { return folder + "/job.yaml"; }
  std::string record() const { return folder + "/job.json"; }
  std::string lock() const { return folder + "/lock"; }

  std::string folder;
};

/// The last submission of a run directory, as its record has it.
struct Submission {
  std::string job_id = {};  ///< empty: there was none, or it is not known
  int shards = 0;           ///< of an array; 0: none
  int at_once = 0;          ///< 0: any number
  std::size_t items = 0;    ///< in the list of an array
  std::string merge_job = {};
  std::vector<std::string> older_jobs = {};  ///< arrays submitted before, whose tasks may live
};

/// A record that cannot be read is none. Throws Error(io).
Submission read_submission(const results::RunDirectory& run);
/// The command that submits a run again, with what was asked for then; empty: it was not submitted.
std::string resubmit_command(const results::RunDirectory& run);
/// The command that ends its job.
std::string cancel_command(const results::RunDirectory& run);
/// What is kept of a submission, and printed by --json: {job_id, submitted, nodes, ranks, script, log,
/// sbatch_options}.
nlohmann::json submission_record(const slurm::BatchJob& job, const std::string& id,
                                 const std::vector<std::string>& sbatch_options);
/// And of an array beside that, as `array`: {shards, at_once, items, tasks, merge_job, older_jobs}.
nlohmann::json array_record(const Submission& submission, const std::vector<int>& tasks);
/// Returns the record, written down. Throws Error: io, no_space.
nlohmann::json write_record(nlohmann::json record, const results::RunDirectory& run);

/// The run's jobs that are queued or at work, an array's task by task; its merge is none of them. Throws
/// Error.
std::vector<slurm::QueuedJob> live_runs_of(const results::RunDirectory& run);
/// The jobs that are to merge an array, queued or at work. Throws Error.
std::vector<slurm::QueuedJob> live_merges_of(const results::RunDirectory& run);

/// One submission of a run directory at a time: waits for another one's end, and says so. Of two on two
/// machines only where the file system knows flock() across machines (NFS from version 4 on, Lustre with
/// `flock`); elsewhere they may both submit, and then the second job waits for the first one's epoch to end.
results::durable::File lock_submission(const results::RunDirectory& run);

}  // namespace ditmill::jobs::run

#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "jobs/cli/submit.h"
#include "jobs/submission.h"
#include "slurm/batch_script.h"

namespace ditmill::jobs {

/// "--array K" or "--array K%M": K shards, M of them at a time at most (0: any number).
struct ArrayOption {
  int shards = 0;
  int at_once = 0;
};
/// None for another text.
std::optional<ArrayOption> array_option_from_text(std::string_view text);

/// The array that a submission is for, by its options and by what the run directory holds; none: a single
/// run. Throws Error(usage): other shards than those of the run directory, more shards than items, options
/// that no array has.
std::optional<ArrayOption> choose_array(const SubmitOptions& options, const RunDirectory& run,
                                        const Submission& last, const Manifest& manifest);

/// What comes of the shards of an array at a submission.
struct ArrayPlan {
  std::vector<int> tasks;              ///< to be submitted
  std::vector<int> alive;              ///< queued or at work
  std::vector<std::string> waits_for;  ///< jobs of the latter
};

/// Shards are submitted unless they live, or are finished: ended with 0, or with 2 if nothing is to be
/// retried, with no item of the list missing. Throws Error as foresee_resume() does, for any shard.
ArrayPlan plan_array(const SubmitOptions& options, const PreparedJob& job, const RunDirectory& run,
                     int shards, const std::vector<slurm::QueuedJob>& live);

/// Gives the job that merges the shards to sbatch, to begin when all those jobs have ended; the one that
/// waits for an earlier submission is cancelled. Returns its id. Throws Error as insist() does.
std::string submit_merge(const RunDirectory& run, std::vector<std::string> waits_for,
                         const std::vector<std::string>& sbatch_options);

/// The exit code of an array that has ended: that of its worst shard, of 0, 2, 75, 3, 1 the last. Says which
/// shards are not done. Throws Error(io) where all are finished and not merged.
int array_exit(const RunDirectory& run, int shards);

}  // namespace ditmill::jobs

#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "jobs/run/submission.h"
#include "jobs/submit/submit.h"
#include "slurm/batch_script.h"

namespace ditmill::jobs::submit {

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
std::optional<ArrayOption> choose_array(const SubmitOptions& options, const results::RunDirectory& run,
                                        const run::Submission& last, const plan::Manifest& manifest);

/// Submits the shards of an array that are neither alive nor finished (ended with 0, or with 2 if nothing is
/// to be retried, and no item of the list left or missing), and behind all that live a job that merges them,
/// in place of the one that waits for an earlier submission. `prepare` writes what they read. Returns the
/// record. Throws Error as foresee_resume() does, of any shard, as insist() does, and Error(usage) where all
/// that is left to do waits with another list or manifest.
nlohmann::json submit_array(const SubmitOptions& options, const plan::PreparedJob& job,
                            const results::RunDirectory& run, const slurm::BatchJob& batch,
                            const std::vector<slurm::QueuedJob>& live, const std::function<void()>& prepare);

}  // namespace ditmill::jobs::submit

#pragma once

#include <string>
#include <vector>

namespace ditmill::slurm {

/// Where options of sbatch's stand: after the `--` of `submit`, or in the manifest's slurm.options.
enum class OptionsOf { command_line, manifest };

/// Refuses those that a run has another place for (nodes, ranks, arrays): Error(usage), which names it.
void check_sbatch_options(const std::vector<std::string>& options, OptionsOf place = OptionsOf::command_line);

/// Those of the options that say on whose account, and where, any job of the user runs: what a small job
/// beside the run takes over.
std::vector<std::string> options_of_whose(const std::vector<std::string>& options);

/// Submits a batch script, with more options of sbatch's; returns the job's id. Throws Error as insist()
/// does.
std::string sbatch(const std::string& script_path, const std::vector<std::string>& options);

/// What sbatch says of a script's text that it does not submit: when and where it would start. Throws Error
/// as insist() does.
std::string sbatch_test_only(const std::string& script, const std::vector<std::string>& options);

/// Tells the batch script of a running job to end in order (USR1), and to stay away from the queue
/// thereafter.
void end_in_order(const std::string& job_id);
/// Cancels jobs, whatever they do; of array tasks, "17_2".
void cancel(const std::vector<std::string>& job_ids);
/// Cancels those that wait: one that has begun is left alone.
void cancel_waiting(const std::vector<std::string>& job_ids);

}  // namespace ditmill::slurm

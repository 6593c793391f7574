#include "jobs/submit/submit_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "configs/number_text.h"
#include "jobs/plan/foresee_resume.h"
#include "jobs/requests/items/shard.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/epoch.h"
#include "jobs/run/outcome.h"
#include "jobs/submit/submit_freeze.h"
#include "slurm/sbatch.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::optional<int> count_from_text(std::string_view text) {
  const std::optional<int> count = number_from_text<int>(text);
  return count && *count >= 1 && *count <= requests::Shard::most ? count : std::nullopt;
}

Error not_the_array(const results::RunDirectory& run, std::string expected, std::string got,
                    std::string hint) {
  return Error{Category::usage,           "submit an array",
               Where{.file = run.path()}, Expected{std::move(expected)},
               Got{std::move(got)},       std::move(hint)};
}

/// What comes of the shards of an array at a submission.
struct ArrayPlan {
  std::vector<int> tasks;              ///< to be submitted
  std::vector<int> alive;              ///< queued or at work
  std::vector<std::string> waits_for;  ///< jobs of the latter
};

ArrayPlan plan_array(const SubmitOptions& options, const plan::PreparedJob& job,
                     const results::RunDirectory& run, int shards,
                     const std::vector<slurm::QueuedJob>& live) {
  ArrayPlan plan;
  std::set<std::string> jobs;
  std::set<int> alive;
  for (const slurm::QueuedJob& task : live) {
    jobs.insert(task.whole());
    if (const auto number = task.task()) alive.insert(*number);
  }
  plan.alive.assign(alive.begin(), alive.end());
  plan.waits_for.assign(jobs.begin(), jobs.end());
  const bool retries = options.run.retry.failed || options.run.retry.quarantined;
  for (int i = 0; i < shards; ++i) {
    const requests::Shard shard{i, shards};
    const results::RunDirectory its{run.shard(i)};
    const std::optional<run::Reconciled> foreseen = plan::foresee_resume(
        job, requests::shard_of(job.manifest.items, shard), shard, its, options.run.drop);
    const bool same_list = foreseen && foreseen->notes.empty();
    if (alive.contains(i)) {
      if (!foreseen || same_list) continue;
      throw not_the_array(run, "the list that its tasks were submitted with",
                          fmt::format("another one; task {} has begun: {}", i, foreseen->notes.front()),
                          "wait for the end of its tasks, or end them: " + run::cancel_command(run));
    }
    const std::optional<run::Outcome> outcome = run::read_outcome(its);
    const bool finished = outcome && outcome->finished() && (outcome->exit == 0 || !retries);
    if (!finished || !same_list) plan.tasks.push_back(i);
  }
  return plan;
}

/// The one that waits already is cancelled; one that has begun is waited for.
std::string submit_merge(const results::RunDirectory& run, std::vector<std::string> waits_for,
                         const std::vector<std::string>& sbatch_options) {
  std::vector<std::string> waiting;
  for (const slurm::QueuedJob& merge : run::live_merges_of(run)) {
    (merge.state == "PENDING" ? waiting : waits_for).push_back(merge.id);
  }
  slurm::cancel_waiting(waiting);
  std::vector<std::string> options = slurm::options_of_whose(sbatch_options);
  if (!waits_for.empty()) {
    options.push_back(fmt::format("--dependency=afterany:{}", fmt::join(waits_for, ":")));
  }
  return slurm::sbatch(run::SubmissionFiles{run}.merge_script(), options);
}

}  // namespace

std::optional<ArrayOption> array_option_from_text(std::string_view text) {
  const std::size_t percent = text.find('%');
  const std::optional<int> shards = count_from_text(text.substr(0, percent));
  if (!shards) return std::nullopt;
  if (percent == std::string_view::npos) return ArrayOption{.shards = *shards};
  const std::optional<int> at_once = count_from_text(text.substr(percent + 1));
  return at_once ? std::optional{ArrayOption{*shards, *at_once}} : std::nullopt;
}

std::optional<ArrayOption> choose_array(const SubmitOptions& options, const results::RunDirectory& run,
                                        const run::Submission& last, const plan::Manifest& manifest) {
  std::optional<ArrayOption> array;
  if (!options.array.empty()) array = array_option_from_text(options.array);
  // What was cancelled before it began binds nobody, unless it is to be gone on with.
  const bool binds = last.shards > 0 && (options.retry || fs::exists(run.shards()));
  if (binds && (array ? array->shards != last.shards : !options.retry)) {
    throw not_the_array(
        run, fmt::format("--array {} or --retry: it is an array", last.shards),
        array ? "--array " + options.array : "neither",
        run::SubmissionFiles{run}.record() + " says so; give another number of shards another --run-dir");
  }
  if (!array && binds) array = ArrayOption{last.shards, last.at_once};
  if (!array && fs::exists(run.shards())) {
    throw not_the_array(run, "--array K, as when it was submitted", "none",
                        run::SubmissionFiles{run}.record() + " does not tell K any more");
  }
  if (!array) return std::nullopt;
  if (last.shards == 0 && results::newest_epoch(run) > 0) {
    throw not_the_array(run, "a run directory of its own, or that of an array", "one that holds a run",
                        "give --run-dir DIR, or leave --array out");
  }
  if (manifest.shard) {
    throw not_the_array(run, "the whole list", "requests.shard " + describe(manifest.shard),
                        "leave requests.shard out: each task gets its own");
  }
  if (static_cast<std::size_t>(array->shards) > manifest.items.size()) {
    throw not_the_array(run, fmt::format("at most {} shards, an item each", manifest.items.size()),
                        std::to_string(array->shards), "");
  }
  if (!options.run.selection.only.empty()) {
    throw not_the_array(run, "all items of the list", "--only",
                        "submit a list of these items with another --run-dir");
  }
  return array;
}

json submit_array(const SubmitOptions& options, const plan::PreparedJob& job,
                  const results::RunDirectory& run, const slurm::BatchJob& batch,
                  const std::vector<slurm::QueuedJob>& live, const std::function<void()>& prepare) {
  ArrayPlan plan = plan_array(options, job, run, batch.shards, live);
  run::Submission submission = run::read_submission(run);
  const run::SubmissionFiles files{run};
  const bool merged = fs::exists(run.outcome()) && plan.alive.empty();
  if (plan.tasks.empty() && (merged || !run::live_merges_of(run).empty())) {
    if (!merged && !is_frozen(job, run)) {
      throw not_the_array(run, "the list and the manifest that its tasks were submitted with",
                          "others; its tasks are all finished, queued or at work, and keep the former",
                          "wait for the end of its tasks, or end them: " + run::cancel_command(run));
    }
    std::cerr << (merged ? "ditmill: nothing to submit: all shards are finished and merged\n"
                         : "ditmill: nothing to submit: all shards are finished, queued or at work\n");
    return json::parse(results::durable::read_file(files.record()));
  }
  prepare();
  results::durable::write_file(files.merge_script(), slurm::merge_script(batch));
  if (!plan.tasks.empty()) {
    std::vector<std::string> words{"--array=" + slurm::array_tasks(batch, plan.tasks)};
    words.insert(words.end(), options.sbatch.begin(), options.sbatch.end());
    submission = {.job_id = slurm::sbatch(files.script(), words), .older_jobs = plan.waits_for};
    plan.waits_for.push_back(submission.job_id);
  }
  submission.shards = batch.shards;
  submission.at_once = batch.shards_at_once;
  submission.items = job.manifest.items.size();
  json record = run::submission_record(batch, submission.job_id, options.sbatch);
  record["array"] = run::array_record(submission, plan.tasks);
  record = run::write_record(std::move(record), run);  // before anything else can fail: the tasks are queued
  fs::remove(run.outcome());                           // of the last merge: it tells nothing of these
  submission.merge_job = submit_merge(run, plan.waits_for, options.sbatch);
  record["array"] = run::array_record(submission, plan.tasks);
  return run::write_record(std::move(record), run);
}

}  // namespace ditmill::jobs::submit

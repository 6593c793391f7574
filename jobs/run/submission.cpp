#include "jobs/run/submission.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/shell_word.h"

namespace ditmill::jobs::run {

Submission read_submission(const results::RunDirectory& run) {
  const std::string path = SubmissionFiles{run}.record();
  if (!std::filesystem::exists(path)) return {};
  const nlohmann::json record = nlohmann::json::parse(results::durable::read_file(path), nullptr, false);
  try {
    Submission submission{.job_id = record.at("job_id")};
    const auto array = record.find("array");
    if (array == record.end()) return submission;
    submission.shards = array->at("shards");
    submission.at_once = array->at("at_once");
    submission.items = array->at("items");
    submission.merge_job = array->at("merge_job");
    submission.older_jobs = array->at("older_jobs");
    return submission;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

std::string resubmit_command(const results::RunDirectory& run) {
  const std::string manifest = SubmissionFiles{run}.manifest();
  return std::filesystem::exists(manifest) ? "ditmill submit " + shell_word(manifest) : "";
}

std::string cancel_command(const results::RunDirectory& run) {
  return "ditmill cancel " + shell_word(run.path());
}

nlohmann::json submission_record(const slurm::BatchJob& job, const std::string& id,
                                 const std::vector<std::string>& sbatch_options) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {{"job_id", id},
          {"submitted", std::chrono::duration_cast<std::chrono::seconds>(now).count()},
          {"nodes", job.settings.nodes},
          {"ranks", job.settings.nodes * job.ranks_per_node},
          {"script", SubmissionFiles{results::RunDirectory{job.run_directory}}.script()},
          {"log", job.run_directory + "/logs/slurm-" + id + (job.shards > 0 ? "_*" : "") + ".log"},
          {"sbatch_options", sbatch_options}};
}

nlohmann::json write_record(nlohmann::json record, const results::RunDirectory& run) {
  results::durable::write_file(SubmissionFiles{run}.record(), record.dump(2) + "\n");
  return record;
}

nlohmann::json array_record(const Submission& submission, const std::vector<int>& tasks) {
  return {{"shards", submission.shards},       {"at_once", submission.at_once},
          {"items", submission.items},         {"tasks", tasks},
          {"merge_job", submission.merge_job}, {"older_jobs", submission.older_jobs}};
}

std::vector<slurm::QueuedJob> live_runs_of(const results::RunDirectory& run) {
  const Submission submission = read_submission(run);
  std::vector<std::string> known = submission.older_jobs;
  if (!submission.job_id.empty()) known.push_back(submission.job_id);
  return slurm::live_jobs(SubmissionFiles{run}.script(), known);
}

std::vector<slurm::QueuedJob> live_merges_of(const results::RunDirectory& run) {
  const std::string known = read_submission(run).merge_job;
  return slurm::live_jobs(SubmissionFiles{run}.merge_script(),
                          known.empty() ? std::vector<std::string>{} : std::vector{known});
}

results::durable::File lock_submission(const results::RunDirectory& run) {
  results::durable::File file = results::durable::File::open(SubmissionFiles{run}.lock(), O_RDWR | O_CREAT);
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return file;
  std::cerr << "ditmill: another submit of " << run.path() << " is at work; waiting for its end\n";
  while (::flock(file.fd(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return file;
}

}  // namespace ditmill::jobs::run

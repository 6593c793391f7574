#include "jobs/cli/cancel.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/submission.h"
#include "slurm/sbatch.h"

namespace ditmill::jobs {
namespace {

using nlohmann::json;

bool ends_in_order(const slurm::QueuedJob& job, bool now) { return !now && job.state == "RUNNING"; }

std::vector<std::string> ids_of(const std::vector<slurm::QueuedJob>& jobs, std::string_view state = {}) {
  std::vector<std::string> ids;
  for (const slurm::QueuedJob& job : jobs) {
    if (state.empty() || job.state == state) ids.push_back(job.id);
  }
  return ids;
}

void tell(const std::vector<slurm::QueuedJob>& runs, const std::vector<slurm::QueuedJob>& merges, bool now,
          bool as_json, std::ostream& out) {
  json jobs = json::array();
  for (const slurm::QueuedJob& job : runs) {
    const bool in_order = ends_in_order(job, now);
    jobs.push_back({{"job_id", job.id}, {"state", job.state}, {"in_order", in_order}});
    if (as_json) continue;
    out << (in_order ? fmt::format("job {} finishes what fits, and ends; `ditmill submit` goes on with it\n",
                                   job.id)
                     : fmt::format("job {}, {}, is cancelled\n", job.id, job.state));
  }
  for (const slurm::QueuedJob& job : merges) {
    jobs.push_back({{"job_id", job.id}, {"state", job.state}, {"in_order", false}});
    if (!as_json) out << fmt::format("job {}, the merge, is cancelled\n", job.id);
  }
  if (!as_json) return;
  json all = jobs.front();
  all["jobs"] = std::move(jobs);
  out << all.dump(2) << "\n";
}

}  // namespace

int cancel_run(const std::string& run_directory, bool now, bool as_json, std::ostream& out) {
  if (!std::filesystem::is_directory(run_directory)) {
    throw Error{Category::not_found, "cancel a run", Where{.file = run_directory},
                Expected{"a run directory"}};
  }
  const RunDirectory run{std::filesystem::weakly_canonical(run_directory).string()};
  std::vector<slurm::QueuedJob> live = live_runs_of(run);
  const std::vector<slurm::QueuedJob> merges = live_merges_of(run);
  if (live.empty() && merges.empty()) {
    throw Error{Category::usage, "cancel a run", Where{.file = run.path()},
                Expected{"a job of it, queued or at work"}, Got{"none"}};
  }
  slurm::cancel(ids_of(merges));
  if (!now) {
    // Those that wait first: the others make room for them. What begins meanwhile ends in order, too.
    slurm::cancel_waiting(ids_of(live, "PENDING"));
    std::vector<slurm::QueuedJob> left = live_runs_of(run);
    for (slurm::QueuedJob& job : live) {
      const auto found = std::ranges::find(left, job.id, &slurm::QueuedJob::id);
      if (found != left.end()) job.state = found->state;
    }
  }
  std::vector<std::string> rest;
  for (const slurm::QueuedJob& job : live) {
    if (ends_in_order(job, now)) {
      slurm::end_in_order(job.id);
    } else if (now || job.state != "PENDING") {
      rest.push_back(job.id);
    }
  }
  slurm::cancel(rest);
  tell(live, merges, now, as_json, out);
  return 0;
}

}  // namespace ditmill::jobs

#include "jobs/submit/cancel.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/run/submission.h"
#include "slurm/sbatch.h"

namespace ditmill::jobs::submit {
namespace {

using nlohmann::json;

/// Of a job that has come to its end by itself, as Slurm has it at the end of each.
constexpr const char* ended = "COMPLETING";

bool ends_in_order(const slurm::QueuedJob& job, bool now) { return !now && job.state == "RUNNING"; }

/// Whether any of the jobs is still queued or at work.
bool any_lives(const results::RunDirectory& run, const std::vector<std::string>& ids) {
  std::vector<slurm::QueuedJob> left = run::live_runs_of(run);
  std::ranges::move(run::live_merges_of(run), std::back_inserter(left));
  return std::ranges::any_of(left, [&ids](const slurm::QueuedJob& job) {
    return job.state != ended && std::ranges::find(ids, job.id) != ids.end();
  });
}

/// Does to jobs what Slurm refuses to do to one that has ended meanwhile.
class Attempts {
 public:
  explicit Attempts(const results::RunDirectory& run) : run_(&run) {}

  /// False: the jobs have ended by themselves, or what failed is thrown by end().
  bool attempt(const std::vector<std::string>& ids, const std::function<void()>& act) {
    try {
      act();
      return true;
    } catch (const Error&) {
      const std::exception_ptr failure = std::current_exception();
      if (any_lives(*run_, ids) && !failure_) failure_ = failure;
      return false;
    }
  }
  /// Throws what first failed of a job that lives.
  void end() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const results::RunDirectory* run_;
  std::exception_ptr failure_;
};

std::vector<std::string> ids_of(const std::vector<slurm::QueuedJob>& jobs, std::string_view state = {}) {
  std::vector<std::string> ids;
  for (const slurm::QueuedJob& job : jobs) {
    if (state.empty() || job.state == state) ids.push_back(job.id);
  }
  return ids;
}

void tell(const std::vector<slurm::QueuedJob>& runs, const std::vector<slurm::QueuedJob>& merges, bool now,
          const std::string& again, bool as_json, std::ostream& out) {
  json jobs = json::array();
  for (const slurm::QueuedJob& job : runs) {
    const bool in_order = ends_in_order(job, now);
    jobs.push_back({{"job_id", job.id}, {"state", job.state}, {"in_order", in_order}});
    if (as_json) continue;
    if (job.state == ended) {
      out << fmt::format("job {} has come to its end by itself\n", job.id);
      continue;
    }
    out << (in_order
                ? fmt::format("job {} finishes what fits, and ends; to go on with it: {}\n", job.id, again)
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
  const results::RunDirectory run{std::filesystem::weakly_canonical(run_directory).string()};
  std::vector<slurm::QueuedJob> live = run::live_runs_of(run);
  const std::vector<slurm::QueuedJob> merges = run::live_merges_of(run);
  if (live.empty() && merges.empty()) {
    throw Error{Category::usage, "cancel a run", Where{.file = run.path()},
                Expected{"a job of it, queued or at work"}, Got{"none"}};
  }
  Attempts attempts(run);
  const auto cancel = [&attempts](const std::vector<std::string>& ids) {
    attempts.attempt(ids, [&ids] { slurm::cancel(ids); });
  };
  cancel(ids_of(merges));
  if (!now) {
    // Those that wait first: the others make room for them. What begins meanwhile ends in order, too.
    const std::vector<std::string> waiting = ids_of(live, "PENDING");
    attempts.attempt(waiting, [&waiting] { slurm::cancel_waiting(waiting); });
    const std::vector<slurm::QueuedJob> left = run::live_runs_of(run);
    for (slurm::QueuedJob& job : live) {
      const auto found = std::ranges::find(left, job.id, &slurm::QueuedJob::id);
      if (found != left.end()) {
        job.state = found->state;
      } else if (job.state != "PENDING") {
        job.state = ended;
      }
    }
  }
  std::vector<std::string> rest;
  for (slurm::QueuedJob& job : live) {
    if (ends_in_order(job, now)) {
      if (!attempts.attempt({job.id}, [&job] { slurm::end_in_order(job.id); })) job.state = ended;
    } else if (now || (job.state != "PENDING" && job.state != ended)) {
      rest.push_back(job.id);
    }
  }
  cancel(rest);
  attempts.end();
  const bool is_array = !live.empty() && live.front().task().has_value();
  std::string again = run::resubmit_command(run);
  again = again.empty() ? "the command that submitted it" : again + (is_array ? " --retry" : "");
  tell(live, merges, now, again, as_json, out);
  return 0;
}

}  // namespace ditmill::jobs::submit

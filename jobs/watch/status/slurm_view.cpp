#include "jobs/watch/status/slurm_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/time_text.h"
#include "jobs/watch/status/status_json.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;

json or_null(const std::optional<double>& value) { return value ? json(*value) : json(); }

/// The run belongs to an earlier start of the job, or to an earlier job.
bool is_of_another_start(const results::EpochOwner& owner, const slurm::JobFacts& job) {
  const std::string& id = job.raw_id.empty() ? job.id : job.raw_id;
  return owner.slurm_job != id || (!job.accounted && owner.slurm_restart != job.restarts);
}

}  // namespace

void take_slurm(RunProgress& progress, slurm::JobReport report) {
  RunLife& life = progress.life;
  const bool single = report.jobs.size() == 1;
  if (single) {
    const slurm::JobFacts& job = report.jobs.front();
    const bool others = life.epoch == 0 || is_of_another_start(life.owner, job);
    const bool to_come = job.waits() || (job.works() && others);
    if (to_come && life.state != RunState::finished && (life.state != RunState::running || job.waits())) {
      const std::string before = life.epoch == 0 ? "" : life.reason;
      life.state = RunState::waiting;
      life.reason = fmt::format("job {} {}", job.id, job.waits() ? "is in the queue" : "has begun");
      if (!before.empty()) life.reason += "; before: " + before;
      progress.eta_s.reset();
    } else if (life.state == RunState::running && !others && !job.works()) {
      life.state = RunState::crashed;
      life.reason = fmt::format("job {} has ended: {}", job.id, job.state);
      progress.eta_s.reset();
    }
  }
  progress.slurm = std::move(report);
}

std::string describe(const slurm::JobFacts& job) {
  std::string text = fmt::format("job {} {}", job.id, job.state);
  if (!job.reason.empty()) text += " (" + job.reason + ")";
  if (!job.nodes.empty()) text += " on " + job.nodes;
  if (!job.starts.empty()) text += ", expected to start " + job.starts;
  if (job.time_left_s) text += ", " + duration_text(*job.time_left_s) + " of its time limit left";
  if (!job.exit_code.empty()) text += ", exit code " + job.exit_code;
  if (job.elapsed_s && !job.works()) text += ", took " + duration_text(*job.elapsed_s);
  if (job.restarts > 0) text += fmt::format(", {} restart{}", job.restarts, job.restarts == 1 ? "" : "s");
  return text;
}

json to_json(const slurm::JobReport& report) {
  json jobs = json::array();
  for (const slurm::JobFacts& job : report.jobs) {
    jobs.push_back({{"job_id", job.id},
                    {"state", job.state},
                    {"reason", text_or_null(job.reason)},
                    {"nodes", text_or_null(job.nodes)},
                    {"exit_code", text_or_null(job.exit_code)},
                    {"starts", text_or_null(job.starts)},
                    {"restarts", job.restarts},
                    {"elapsed_s", or_null(job.elapsed_s)},
                    {"time_left_s", or_null(job.time_left_s)},
                    {"accounted", job.accounted}});
  }
  return {{"jobs", std::move(jobs)}, {"note", text_or_null(report.note)}};
}

}  // namespace ditmill::jobs::watch

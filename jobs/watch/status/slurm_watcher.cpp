#include "jobs/watch/status/slurm_watcher.h"

#include <algorithm>
#include <iterator>

#include "jobs/run/submission.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::chrono::seconds between_questions{15};

}  // namespace

std::optional<slurm::JobReport> SlurmWatcher::look(const results::EpochOwner& owner) {
  const std::string id = job_of(owner);
  const auto now = std::chrono::steady_clock::now();
  if (id == id_ && now - asked_ < between_questions) return report_;
  id_ = id;
  report_ = id.empty() ? std::nullopt : slurm::ask_of_job(id);
  if (report_) add_older();
  asked_ = std::chrono::steady_clock::now();
  return report_;
}

/// The job that was submitted last, or one that somebody has given to sbatch since.
std::string SlurmWatcher::job_of(const results::EpochOwner& owner) const {
  const std::string submitted = run::read_submission(run_).job_id;
  const bool by_hand = submitted.size() < owner.slurm_job.size() ||
                       (submitted.size() == owner.slurm_job.size() && submitted < owner.slurm_job);
  return by_hand ? owner.slurm_job : submitted;
}

/// Tasks of an array that were submitted earlier than its last ones, and live.
void SlurmWatcher::add_older() {
  for (const std::string& id : run::read_submission(run_).older_jobs) {
    const std::optional<slurm::JobReport> older = slurm::ask_of_job(id);
    if (!older) continue;
    std::ranges::copy_if(older->jobs, std::back_inserter(report_->jobs),
                         [](const slurm::JobFacts& job) { return job.waits() || job.works(); });
  }
}

bool goes_on(const RunProgress& progress) {
  const RunState state = progress.life.state;
  if (state == RunState::running || state == RunState::waiting) return true;
  return state != RunState::finished && progress.slurm &&
         std::ranges::any_of(progress.slurm->jobs, [](const slurm::JobFacts& job) { return job.works(); });
}

}  // namespace ditmill::jobs::watch

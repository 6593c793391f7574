#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/watch/status/progress_of_run.h"
#include "slurm/job_facts.h"

namespace ditmill::jobs::watch {

/// What Slurm knows of a run's job, not asked again within a short while: controllers have better things to
/// do than to be asked by everybody who watches.
class SlurmWatcher {
 public:
  explicit SlurmWatcher(results::RunDirectory run) : run_(std::move(run)) {}

  /// Nothing if the run has no job, or this host no Slurm. `owner` is that of the run's newest epoch.
  std::optional<slurm::JobReport> look(const results::EpochOwner& owner);

 private:
  std::string job_of(const results::EpochOwner& owner) const;
  void add_older();

  results::RunDirectory run_;
  std::string id_;
  std::optional<slurm::JobReport> report_;
  std::chrono::steady_clock::time_point asked_;
};

/// Whether a run that is not at work may still be: then it is worth waiting for.
bool goes_on(const RunProgress& progress);

}  // namespace ditmill::jobs::watch

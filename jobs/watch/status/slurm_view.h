#pragma once

#include <string>

#include "jobs/watch/status/progress_of_run.h"
#include "slurm/job_facts.h"

namespace ditmill::jobs::watch {

/// Sets what Slurm says beside what the run directory says. A run whose job waits in the queue, or has begun
/// but not come to the run yet, is waiting: whatever ended it before. One whose job has ended has no owner.
void take_slurm(RunProgress& progress, slurm::JobReport report);

/// "job 12 PENDING (Resources), expected to start 2026-11-27T04:00:00, 1 restart"
std::string describe(const slurm::JobFacts& job);

nlohmann::json to_json(const slurm::JobReport& report);

}  // namespace ditmill::jobs::watch

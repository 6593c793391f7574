#pragma once

#include <functional>
#include <string>

#include "jobs/cli/results/run.h"
#include "jobs/store/tools/verify.h"
#include "slurm/allocation.h"

namespace ditmill::jobs {

/// `ditmill results verify RUN [--json]`: verify_run() as text or JSON, {exit, parts, bytes, items, done,
/// failed, quarantined, left (ids), damage: [{file, items, dataset, what}], cures, stale_index, leftovers,
/// notes}.
ResultsOutput results_verify(const std::string& run_directory, bool json, const slurm::Allocation& allocation,
                             const std::function<void(const VerifyProgress&)>& progress);
/// One line, for a terminal.
std::string describe(const VerifyProgress& progress);

}  // namespace ditmill::jobs

#pragma once

#include <functional>
#include <string>

#include "jobs/results/listing/stored_run.h"
#include "jobs/run/verify/verify.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::cli {

/// `ditmill results verify RUN [--json]`: verify_run() as text or JSON, {exit, parts, bytes, items, done,
/// failed, quarantined, left (ids), damage: [{file, items, dataset, what}], cures, stale_index, leftovers,
/// notes}.
results::ResultsOutput results_verify(const std::string& run_directory, bool json,
                                      const slurm::Allocation& allocation,
                                      const std::function<void(const run::VerifyProgress&)>& progress);
/// One line, for a terminal.
std::string describe(const run::VerifyProgress& progress);

}  // namespace ditmill::jobs::cli

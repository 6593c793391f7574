#pragma once

#include "jobs/results/listing/stored_run.h"
#include "jobs/run/merge/merge.h"

namespace ditmill::jobs::cli {

/// `ditmill results merge RUN... --out DIR [--copy] [--json]`: merge_runs(). JSON: {out, items, done, failed,
/// quarantined, left, parts_linked, parts_copied, alarms (ids)}. Exit code 2 if there are alarms.
results::ResultsOutput results_merge(const run::MergeOptions& options, bool json,
                                     const slurm::Allocation& allocation);

}  // namespace ditmill::jobs::cli

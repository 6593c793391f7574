#pragma once

#include "jobs/cli/results/run.h"
#include "jobs/store/tools/merge.h"

namespace ditmill::jobs {

/// `ditmill results merge RUN... --out DIR [--copy] [--json]`: merge_runs(). JSON: {out, items, done, failed,
/// quarantined, left, parts_linked, parts_copied, alarms (ids)}. Exit code 2 if there are alarms.
ResultsOutput results_merge(const MergeOptions& options, bool json, const slurm::Allocation& allocation);

}  // namespace ditmill::jobs

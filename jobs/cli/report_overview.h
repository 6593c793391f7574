#pragma once

#include <nlohmann/json.hpp>

#include "jobs/cli/results/run.h"
#include "jobs/report/timeline.h"

namespace ditmill::jobs {

/// What a report shows of a run before its clips: name, configuration, starts, counts, how it ended,
/// progress, groups and failures (at most 5,000). `now`: seconds since 1970. Throws Error(io).
nlohmann::json report_overview(const ResultsRun& run, const Timeline& timeline, double now);

}  // namespace ditmill::jobs

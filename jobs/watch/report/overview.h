#pragma once

#include <nlohmann/json_fwd.hpp>

#include "jobs/results/listing/stored_run.h"
#include "jobs/watch/report/timeline.h"

namespace ditmill::jobs::watch {

/// What a report shows of a run before its clips: name, configuration, starts, counts, how it ended,
/// progress, groups and failures (at most 5,000). `now`: seconds since 1970. Throws Error(io).
nlohmann::json report_overview(const results::ResultsRun& run, const Timeline& timeline, double now);

}  // namespace ditmill::jobs::watch

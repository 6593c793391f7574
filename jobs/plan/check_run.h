#pragma once

#include <ostream>

#include "jobs/plan/prepare.h"

namespace ditmill::jobs::plan {

/// `run --check`: everything that headers and the run directory tell, for the world of --ranks, else of the
/// launcher, else the product of the degrees: what `run` would refuse before it reads weights. Returns the
/// exit code; the report goes to `out`, as text or JSON.
int check_run(const RunOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::plan

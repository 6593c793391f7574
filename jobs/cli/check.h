#pragma once

#include <ostream>

#include "jobs/manifest/prepare.h"

namespace ditmill::jobs {

/// `run --check`: everything that headers tell, for the world of --ranks, else of the launcher, else the
/// product of the degrees. Returns the exit code; the report goes to `out`, as text or JSON.
int check_run(const RunOptions& options, std::ostream& out);

}  // namespace ditmill::jobs

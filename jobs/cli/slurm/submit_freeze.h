#pragma once

#include "jobs/manifest/prepare.h"
#include "jobs/run/run_directory.h"

namespace ditmill::jobs {

/// Writes manifest and list as they are now to RUN/submit, for the job to read whenever it starts. Throws
/// Error: io, no_space.
void freeze(const PreparedJob& job, const RunDirectory& run);

/// Whether that is what the last submission froze there. Throws Error(io).
bool is_frozen(const PreparedJob& job, const RunDirectory& run);

}  // namespace ditmill::jobs

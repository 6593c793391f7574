#pragma once

#include "jobs/plan/prepare.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::submit {

/// Writes manifest and list as they are now to RUN/submit, for the job to read whenever it starts. Throws
/// Error: io, no_space.
void freeze(const plan::PreparedJob& job, const results::RunDirectory& run);

/// Whether that is what the last submission froze there. Throws Error(io).
bool is_frozen(const plan::PreparedJob& job, const results::RunDirectory& run);

}  // namespace ditmill::jobs::submit

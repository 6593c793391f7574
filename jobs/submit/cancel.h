#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::submit {

/// `ditmill cancel RUN`: tells the run's job to end in order, as before its time limit, and not to come back;
/// with `now`, or where it only waits, cancels it at once. Returns the exit code. Throws Error(usage) where
/// there is no such job.
int cancel_run(const std::string& run_directory, bool now, bool as_json, std::ostream& out);

}  // namespace ditmill::jobs::submit

#pragma once

#include <functional>
#include <ostream>
#include <string>

namespace ditmill::jobs::results {

/// Runs `write` on standard output, or on the file of `--out` (written whole, then renamed into place).
int write_results(const std::string& out_file, const std::function<int(std::ostream&)>& write);

/// Runs a command and turns its Error into a message on standard error and the exit code.
int run_command(const std::function<int()>& command);

}  // namespace ditmill::jobs::results

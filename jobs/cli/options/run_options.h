#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/cli/options/cli_app.h"
#include "jobs/plan/run_options.h"

namespace ditmill::jobs::cli {

/// Adds the options of `run` to its subcommand; both executables read the same command line.
void add_run_options(CLI::App& command, plan::RunOptions& options);

/// Those of them that `submit` has, too, and passes on to the runs that it submits.
void add_passed_options(CLI::App& command, plan::RunOptions& options);
/// The top of both command lines: name, description, version.
std::unique_ptr<CLI::App> make_app();

/// Parses argv; returns an exit code if that is all there was to do (help, version, a wrong command line).
/// Messages go to the usual streams unless `quiet`.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, bool quiet = false);

}  // namespace ditmill::jobs::cli

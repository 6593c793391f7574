#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/manifest/prepare.h"

namespace ditmill::jobs {

/// Adds the options of `run` to its subcommand; both executables read the same command line.
void add_run_options(CLI::App& command, RunOptions& options);

/// Those of them that `submit` has, too, and passes on to the runs that it submits.
void add_passed_options(CLI::App& command, RunOptions& options);
/// What add_passed_options() has read, as words of a command line.
std::vector<std::string> passed_words(const RunOptions& options);
/// "--retry failed,quarantined" as words; none: no words.
std::vector<std::string> words_of(const Retry& retry);

/// The top of both command lines: name, description, version.
std::unique_ptr<CLI::App> make_app();

/// Parses argv; returns an exit code if that is all there was to do (help, version, a wrong command line).
/// Messages go to the usual streams unless `quiet`.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, bool quiet = false);

}  // namespace ditmill::jobs

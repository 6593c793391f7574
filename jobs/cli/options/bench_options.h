#pragma once

#include "jobs/bench/bench_options.h"
#include "jobs/cli/options/cli_app.h"

namespace ditmill::jobs::cli {

/// Adds the group `bench`; both executables read the same command line. A subcommand is a struct of options,
/// a function here that adds it, and a file of the engine that does it.
/// Returns the group.
CLI::App& add_bench_options(CLI::App& app, bench::BenchOptions& options);

/// The options that `bench load` and `bench sweep` share.
void add_load_options(CLI::App& command, bench::BenchLoadOptions& load);

}  // namespace ditmill::jobs::cli

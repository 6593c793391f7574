#pragma once

#include "jobs/bench/bench_options.h"
#include "jobs/cli/options/cli_app.h"

namespace ditmill::jobs::cli {

/// Adds the group `bench`; both executables read the same command line. A subcommand is a struct of options,
/// a function here that adds it, and a file of the engine that does it.
void add_bench_options(CLI::App& app, bench::BenchOptions& options);

}  // namespace ditmill::jobs::cli

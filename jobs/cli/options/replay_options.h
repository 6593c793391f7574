#pragma once

#include "jobs/cli/options/cli_app.h"
#include "jobs/engine/replay_options.h"

namespace ditmill::jobs::cli {

/// Adds `replay` to the group `results`; both executables read the same command line.
CLI::App* add_replay_options(CLI::App& results, engine::ReplayOptions& options);

}  // namespace ditmill::jobs::cli

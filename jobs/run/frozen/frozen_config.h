#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "jobs/results/files/run_directory.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::run {

/// Throws Error(io) naming the owner if a run may be at work on the directory; `doing` goes into it.
void require_idle(const results::RunDirectory& run, const slurm::Allocation& allocation,
                  const std::string& doing);

/// config.json of a run. Throws Error: not_found, bad_input, io.
nlohmann::json read_config(const results::RunDirectory& run);

}  // namespace ditmill::jobs::run

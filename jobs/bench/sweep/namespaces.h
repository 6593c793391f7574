#pragma once

#include <string>

#include "jobs/bench/sweep/sweep_load.h"
#include "slurm/foreground.h"

namespace ditmill::jobs::bench {

/// Throws Error(usage) where this process cannot make machines of namespaces: who it is, what is missing on
/// the PATH and the Debian package that has it, a rate that is none of tc's ("1gbit").
void check_namespaces(const std::string& link);

/// Runs one measurement on namespaces of this host (machines.sh): each link passes `link` either way, that of
/// a file server, too. Nothing of them outlives the call, or this process. Returns whether a signal ended it.
/// Throws Error as check_end() does.
bool load_on_namespaces(const SweepLoad& load, const std::string& link, const std::string& served,
                        const slurm::Foreground& foreground);

}  // namespace ditmill::jobs::bench

#pragma once

#include <string>

#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::results {

/// For errors about what a run has stored: who knows the cure.
std::string see_verify(const RunDirectory& run);
/// The command that goes on in a run directory from what is frozen there, in backquotes: for messages.
std::string run_again(const RunDirectory& run);
/// The same with the manifest that the job was started with, where the frozen one is not to be trusted.
std::string run_with_own_manifest(const RunDirectory& run);

}  // namespace ditmill::jobs::results

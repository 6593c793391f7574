#pragma once

#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::results {

/// Removes what epochs before `epoch` left and nobody acknowledged: temporary files, spools of embeddings,
/// and parts behind the last one that a journal names (sealed, but killed before the journal
/// line). Parts of a journal that has damaged lines are left alone. Returns the removed files and folders,
/// relative to the run directory, sorted, for the log. Throws Error(io).
std::vector<std::string> remove_leftovers(const RunDirectory& run, int epoch);
/// Removes the states that ranks of earlier epochs left behind, once read_crashes() has been taken note of.
/// Throws Error(io).
void remove_statuses(const RunDirectory& run, int epoch);

}  // namespace ditmill::jobs::results

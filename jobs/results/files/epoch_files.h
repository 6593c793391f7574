#pragma once

#include <string>

#include "configs/error.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::results {

/// The number of the newest epoch; 0 if there is none. Throws Error(io).
int newest_epoch(const RunDirectory& run);
/// Whether the run directory holds a higher epoch than `number`: a writer that sees one stops before it
/// seals.
bool superseded(const RunDirectory& run, int number);
/// What such a writer stops with, naming the new owner. Category io.
Error taken_over(const RunDirectory& run, int number, const std::string& doing);

}  // namespace ditmill::jobs::results

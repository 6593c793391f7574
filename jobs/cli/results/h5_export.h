#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/cli/results/run.h"
#include "jobs/cli/results/stored_clips.h"

namespace ditmill::jobs {

/// Writes these items, which are done, into one HDF5 file that needs no other. What is stored of each is
/// compared with its content hash first. Returns the bytes of the file. Throws Error: usage (there is a file
/// of that name), bad_input (a damaged part), not_found (no config.json), io, no_space.
std::uint64_t export_h5(const std::string& path, const ResultsRun& run,
                        const std::vector<const ListedItem*>& items, StoredClips& clips);

}  // namespace ditmill::jobs

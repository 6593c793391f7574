#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/results/listing/stored_run.h"
#include "jobs/run/clips/stored_clips.h"

namespace ditmill::jobs::run {

/// Writes these items, which are done, into one HDF5 file that needs no other. What is stored of each is
/// compared with its content hash first. Returns the bytes of the file. Throws Error: usage (there is a file
/// of that name), bad_input (a damaged part), not_found (no config.json), io, no_space.
std::uint64_t export_h5(const std::string& path, const results::ResultsRun& run,
                        const std::vector<const results::ListedItem*>& items, StoredClips& clips);

}  // namespace ditmill::jobs::run

#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::results {

/// Writes results.h5 anew (atomically): an external link /items/<id> for every done item of requests.jsonl,
/// and the root attributes, with missing_parts, failed_items and left_items. Returns how many it linked.
std::size_t write_index(const RunDirectory& run, const JournalState& journals, const nlohmann::json& config);

}  // namespace ditmill::jobs::results

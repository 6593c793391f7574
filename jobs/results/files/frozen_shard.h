#pragma once

#include <optional>

#include "jobs/requests/items/shard.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::results {

/// The shard that a run directory's frozen manifest names; none: the whole list, or no manifest.
std::optional<requests::Shard> frozen_shard(const RunDirectory& run);

/// Refuses to go on in the run directory of an array, and in one whose frozen manifest is that of another
/// shard, or of the whole list: Error(usage). One that holds no items yet is anybody's.
void require_same_shard(const RunDirectory& run, const std::optional<requests::Shard>& shard);

}  // namespace ditmill::jobs::results

#pragma once

#include <optional>

#include "jobs/manifest/prepare.h"
#include "jobs/run/resume.h"

namespace ditmill::jobs {

/// What a start of this job will find in a run directory, before its weights are read: reconcile() with the
/// run's frozen items, the digests of weights taken over from its frozen identity as long as the key hashes
/// are the same. `items` are those of the job, or of its shard. None if nothing is frozen. Throws Error as
/// reconcile() does, and Error(usage) for another shard than the frozen one.
std::optional<Reconciled> foresee_resume(const PreparedJob& job, ItemList items,
                                         const std::optional<Shard>& shard, const RunDirectory& run,
                                         bool drop);

}  // namespace ditmill::jobs

#pragma once

#include <optional>

#include "jobs/plan/bind/prepared_job.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::plan {

/// Throws Error(io) where a start could not make the run directory's folders: a file is in the way, or
/// nothing may be written there.
void require_place(const results::RunDirectory& run);

/// What a start of this job will find in a run directory, before its weights are read: reconcile() with the
/// run's frozen items. Digests of weights are those that the run directory remembers, else those of its
/// frozen identity as long as the key hashes are the same. `items` are those of the job, or of its shard;
/// they stay as they are, but for their keys, unless something is returned. None if nothing is frozen. Throws
/// Error as reconcile() does, and Error(usage) for another shard than the frozen one, and for weights that
/// are known not to be those that the model's digest pins.
std::optional<run::Reconciled> foresee_resume(const PreparedJob& job, requests::ItemList&& items,
                                              const std::optional<requests::Shard>& shard,
                                              const results::RunDirectory& run, bool drop);

}  // namespace ditmill::jobs::plan

#pragma once

#include <optional>
#include <string>

#include "jobs/plan/memory/parallel_choice.h"

namespace ditmill::jobs::plan {

/// Where several transformers share the steps of a model and would not fit together beside the rest, has them
/// take turns in the job's pipeline: each is brought for the steps of a window of items, then gives way to
/// the next (offload: stages of each). The results are the same bytes. What the manifest says of a
/// transformer's offload stays. Returns why, for people; none where there is nothing to choose. The layout is
/// chosen.
std::optional<std::string> choose_turns(PreparedJob& job, const Room& room);

}  // namespace ditmill::jobs::plan

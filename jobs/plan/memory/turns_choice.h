#pragma once

#include <optional>
#include <string>

#include "jobs/plan/memory/parallel_choice.h"

namespace ditmill::jobs::plan {

/// Where several transformers share the steps of a model and would not fit together beside the rest, has them
/// take turns in the job's pipeline (by_turns()): each is brought for the steps of a window of items, then
/// gives way to the next. The results are the same bytes. An offload that the manifest asks for stays;
/// `none`, said or not, is what this may change. Returns why, for people; none where there is nothing to
/// choose. The layout is chosen. Throws Error(usage) for degrees that the room's world cannot have.
std::optional<std::string> choose_turns(PreparedJob& job, const Room& room);

}  // namespace ditmill::jobs::plan

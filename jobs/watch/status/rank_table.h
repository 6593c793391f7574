#pragma once

#include <cstddef>
#include <vector>

#include "jobs/watch/status/progress_of_run.h"
#include "jobs/watch/status/text_screen.h"

namespace ditmill::jobs::watch {

/// Before groups are formed: ranks that say the same share a row. Nothing if every rank has its group.
void show_ranks_without_group(TextScreen& screen, const std::vector<RankWords>& ranks);
/// What the ranks of a run that crashed did last, a row each: who died first comes first.
void show_last_words(TextScreen& screen, const std::vector<RankWords>& ranks, std::size_t most_rows);

}  // namespace ditmill::jobs::watch

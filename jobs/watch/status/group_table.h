#pragma once

#include <cstddef>

#include "jobs/watch/status/progress_of_run.h"
#include "jobs/watch/status/text_screen.h"

namespace ditmill::jobs::watch {

/// A row a group, and what its marks mean. Where there are more groups than rows, those that are silent or
/// slow are shown first, and the rest is counted. Nothing if there are no groups.
void show_groups(TextScreen& screen, const RunProgress& progress, std::size_t most_rows);

}  // namespace ditmill::jobs::watch

#pragma once

#include <string>
#include <vector>

#include "jobs/results/listing/stored_run.h"
#include "jobs/run/clips/stored_clips.h"

namespace ditmill::jobs::run {

/// What the files or folders of these items, which are done, are called by a NameTemplate; empty: by their
/// ids. `sample` is N of an id that ends in -sN, as `samples` makes them; else how many such items of the
/// same prompt stand before it in the list. Notes names that had to be shortened. Throws Error: usage (a
/// wrong template; an item without a field, or with an empty name; two names that are equal but for the case
/// of letters, with a template that tells them apart), bad_input (a damaged part), io.
std::vector<std::string> clip_names(const std::string& name_template, const results::ResultsRun& run,
                                    const std::vector<const results::ListedItem*>& items, StoredClips& clips,
                                    std::vector<std::string>& notes);

}  // namespace ditmill::jobs::run

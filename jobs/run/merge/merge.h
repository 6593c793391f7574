#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "jobs/run/outcome.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::run {

struct MergeOptions {
  std::vector<std::string> runs;  ///< in the order of their items
  std::string out;                ///< must not exist, or be the run directory of the array that they are
  bool copy = false;              ///< copy parts also where they could be hard-linked
};

struct MergeReport {
  Counts items;
  std::size_t parts_linked = 0;
  std::size_t parts_copied = 0;
  std::vector<std::string> alarms;  ///< items that were done twice, with different content: the first counts
  std::vector<std::string> notes;
};

/// Makes one run directory of several: shards of one job. Its list is theirs, one after the other (an id that
/// comes again with the same key is there once); their epochs are renumbered, run after run, so that
/// journals, parts and epochs keep names of their own; its manifest is the first's, with the merged list.
/// `run` on it resumes. Sources are only read; parts share their bytes with them through hard links where
/// that is possible. Everything is built in OUT.tmp and renamed at the end: a call that is killed leaves no
/// OUT, and the next one begins anew.
///
/// The shards of an array (OUT/shards/*, all of them, in order) are merged into OUT as it is, again and
/// again: every journal, part and epoch has the name there that it had in the last merge, and only what is
/// new is added, so that OUT is a run directory of finished items at any time; outcome.json is gone until the
/// end. Throws Error: usage (OUT is there, or is an array that was itself run on; jobs of different identity,
/// naming the fields; an id with different keys), io (a run is at work on a source; another merge to OUT),
/// not_found, bad_input, no_space.
MergeReport merge_runs(const MergeOptions& options, const slurm::Allocation& allocation);

}  // namespace ditmill::jobs::run

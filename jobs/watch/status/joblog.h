#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::watch {

struct JoblogResult {
  std::size_t lines = 0;                       ///< below the header
  std::vector<results::JournalReport> damage;  ///< of journals: attempts that may be missing
};

/// Writes GNU parallel's joblog of a run, piece by piece: a header, then a line for each attempt that ended,
/// epoch by epoch, group by group, in the order of the journals. Columns, with tabs between:
///
///     Seq         the item's place in requests.jsonl, from 1; 0 if it is there no more
///     Host        of the group's first rank, if its state file is still there; else the host of rank 0
///     Starttime   seconds since 1970, three decimals; that of the end if the start is not in the journals
///     JobRuntime  seconds, three decimals, ten columns wide
///     Send, Receive   0
///     Exitval     0 done, 1 failed or killed its rank
///     Signal      0: journals do not tell it
///     Command     the item's id
///
/// An attempt that was dropped in order (a `stopped` that is no crash) has no line: it did not end.
/// Throws Error: not_found (no run directory), bad_input, io.
JoblogResult write_joblog(const results::RunDirectory& run,
                          const std::function<void(std::string_view)>& write);
/// The same into a file, durably, in place of what was there.
JoblogResult write_joblog(const results::RunDirectory& run, const std::string& path);

}  // namespace ditmill::jobs::watch

#pragma once

#include <cstddef>
#include <string>

#include "jobs/watch/status/progress_of_run.h"

namespace ditmill::jobs::watch {

struct StatusLook {
  static constexpr std::size_t rows_of_a_table = 32;

  bool colour = false;      ///< escape sequences, for a terminal
  std::size_t width = 120;  ///< no line is longer
  std::size_t rows = 0;     ///< at most so many lines, at the cost of the tables; 0: rows_of_a_table a table
};

/// What `ditmill status` shows, in ASCII: lines that each end in a newline.
std::string status_text(const RunProgress& progress, const StatusLook& look = {});

}  // namespace ditmill::jobs::watch

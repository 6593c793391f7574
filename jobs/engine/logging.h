#pragma once

#include <string>

namespace ditmill::jobs::engine {

/// Sends the log to standard error, and to `file` (appended to; may be empty). A line of a rank other than 0
/// carries its rank. Throws Error(usage) if the file cannot be opened.
void set_up_logging(int rank, const std::string& level, const std::string& file);

}  // namespace ditmill::jobs::engine

#pragma once

#include <string_view>

#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// Reads a line (without its newline) that is, field by field, as to_line() writes it, without building JSON:
/// for whoever reads millions of them. `record` is overwritten, and its strings are used again. False if the
/// line is anything else, or its crc does not match: from_line() then decides what it is.
bool scan_line(std::string_view line, Record& record);

}  // namespace ditmill::jobs::results

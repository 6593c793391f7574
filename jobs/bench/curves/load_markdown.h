#pragma once

#include <string>

#include "jobs/bench/curves/load_series.h"

namespace ditmill::jobs::bench {

/// "1.05 GB, cold, verified, 1 rank a machine, cpu"
std::string load_setting_text(const LoadSeries& series);

/// A table in Markdown: a line a strategy and number of machines, then why strategies were skipped, and what
/// sweeps say.
std::string load_table(const LoadSeries& series);

}  // namespace ditmill::jobs::bench

#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs::bench {

/// What the command line of `bench report` says.
struct BenchReportOptions {
  std::vector<std::string> files;  ///< of `bench load --json` and `bench sweep`
  std::string out;                 ///< --out DIR
};

/// `ditmill bench report`: writes loading.md, loading-light.svg and loading-dark.svg into a folder, which it
/// makes, and says where. Throws Error as read_load_series() does, and io.
int bench_report(const BenchReportOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::bench

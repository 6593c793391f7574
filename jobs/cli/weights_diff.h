#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// What the command line of `weights diff` says.
struct WeightsDiffOptions {
  std::string a;  ///< a file, an index, a folder or a pattern
  std::string b;
  bool values = false;
  bool json = false;
};

/// Says how weights differ: contracts.md. Returns 0 if they are alike, else 2. Throws Error as opening and
/// reading do.
int weights_diff(const WeightsDiffOptions& options, std::ostream& out, std::ostream& log);

}  // namespace ditmill::jobs::cli

#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// What the command line of `weights convert` says.
struct WeightsConvertOptions {
  std::string source;
  std::string out;
  std::string to;       ///< a layout
  std::string dtype;    ///< empty: as they are
  std::string catalog;  ///< as model.catalog; empty: none
  bool json = false;
};

/// Writes weights in another layout, and says what was written; warnings to `log`. Returns 0. Throws Error as
/// registry::convert_weights().
int weights_convert(const WeightsConvertOptions& options, std::ostream& out, std::ostream& log);

}  // namespace ditmill::jobs::cli

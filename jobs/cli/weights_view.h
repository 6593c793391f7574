#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "registry/tools/view.h"

namespace ditmill::jobs::cli {

/// What the command line of `weights view` says.
struct WeightsViewOptions {
  std::vector<std::string> paths;  ///< files, indices, folders or patterns
  registry::ViewOptions view;
  std::string export_file;  ///< empty: none
  bool json = false;
};

/// Shows what is in weights, from their headers. What is odd goes to `log`. Returns 0. Throws Error as
/// opening and writing do.
int weights_view(const WeightsViewOptions& options, std::ostream& out, std::ostream& log);

}  // namespace ditmill::jobs::cli

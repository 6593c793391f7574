#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs::cli {

/// What the command line of `weights identify` says.
struct IdentifyOptions {
  std::vector<std::string> paths;  ///< files, indices, component folders or model folders
  bool json = false;
};

/// Says what weights are, a line (or an object) for each component: contracts.md, "identify". Everything is
/// printed before it returns the exit code: 0 all is known, 2 something is unknown or undecided, 1 something
/// cannot be read (3: because of the machine).
int weights_identify(const IdentifyOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditmill::configs {

/// What is wrong with a path as it is written in a manifest, and what to do about it.
struct PathFault {
  std::string message;  ///< goes on after the path's key
  std::string expected;
};

/// Whether a path leaves something to a shell, which no manifest is read by (`~`, `$HOME`), or is an address
/// of the web. Taken as it stands it would name a folder `~`.
std::optional<PathFault> fault_of_path(std::string_view path);

}  // namespace ditmill::configs

#include "configs/written_path.h"

#include <algorithm>

namespace ditmill::configs {
namespace {

/// "$NAME" or "${NAME}" in a path; empty: none.
std::string_view variable_in(std::string_view path) {
  const std::size_t begin = path.find('$');
  if (begin == std::string_view::npos) return {};
  const bool braced = path.substr(begin + 1).starts_with('{');
  const std::size_t name = begin + (braced ? 2 : 1);
  const auto in_name = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  std::size_t end = name;
  while (end < path.size() && in_name(path[end])) ++end;
  if (end == name) return {};
  return path.substr(begin, end - begin + (braced ? 1 : 0));
}

bool is_address(std::string_view path) {
  const std::size_t colon = path.find("://");
  return colon != std::string_view::npos && colon > 0 &&
         std::all_of(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace

std::optional<PathFault> fault_of_path(std::string_view path) {
  if (path.starts_with('~')) {
    return PathFault{.message = ": ~ is not expanded in a manifest", .expected = "the path written out"};
  }
  if (const std::string_view variable = variable_in(path); !variable.empty()) {
    return PathFault{.message = ": " + std::string{variable} + " is not expanded in a manifest",
                     .expected = "the path written out"};
  }
  if (is_address(path)) {
    return PathFault{.message = " is no path but an address", .expected = "a file here: download it first"};
  }
  return std::nullopt;
}

}  // namespace ditmill::configs

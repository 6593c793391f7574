#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/yaml_reader.h"

namespace ditmill::configs {

/// Problems as a user sees them, a line each.
inline std::vector<std::string> lines(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(ditmill::describe(problem));
  return lines;
}

/// Parses a text as m.yaml, hands the reader of its root to `read`, and returns all problems.
template <typename Read>
std::vector<std::string> problems_of(std::string_view text, Read read) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml(text, "m.yaml", problems);
  MapReader reader(root, "", "m.yaml", problems);
  read(reader);
  return lines(problems);
}

}  // namespace ditmill::configs

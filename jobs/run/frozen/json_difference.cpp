#include "jobs/run/frozen/json_difference.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace ditmill::jobs::run {

std::vector<JsonDifference> json_differences(const nlohmann::json& then, const nlohmann::json& now) {
  const nlohmann::json were = then.flatten();
  const nlohmann::json are = now.flatten();
  std::set<std::string> paths;
  for (const auto& [path, value] : were.items()) paths.insert(path);
  for (const auto& [path, value] : are.items()) paths.insert(path);
  std::vector<JsonDifference> differences;
  for (const std::string& path : paths) {
    nlohmann::json before = were.value(path, nlohmann::json{});
    nlohmann::json after = are.value(path, nlohmann::json{});
    if (before == after) continue;
    std::string dotted = path.substr(std::min<std::size_t>(path.size(), 1));
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    differences.push_back({std::move(dotted), std::move(before), std::move(after)});
  }
  return differences;
}

}  // namespace ditmill::jobs::run

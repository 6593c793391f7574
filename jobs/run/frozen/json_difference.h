#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ditmill::jobs::run {

/// A leaf that is not the same in two JSON values.
struct JsonDifference {
  std::string path;     ///< dotted: "experts.0.digest"; empty: the values are no objects or arrays
  nlohmann::json then;  ///< null: it was not there
  nlohmann::json now;   ///< null: it is there no more
};

/// All of them, by path. An empty object or array counts as null.
std::vector<JsonDifference> json_differences(const nlohmann::json& then, const nlohmann::json& now);

}  // namespace ditmill::jobs::run

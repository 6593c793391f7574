#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs::cli {

/// JSON as subcommands print it: indented by 2, with a newline; bytes that are not UTF-8 are replaced.
std::string json_text(const nlohmann::json& value);
/// Warnings, a line each.
void say_warnings(const std::vector<std::string>& warnings, std::ostream& log);

}  // namespace ditmill::jobs::cli

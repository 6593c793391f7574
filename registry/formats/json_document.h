#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ditmill::registry {

/// Parses a small strict JSON document into memory; refuses as JsonScanner does, and numbers beyond a double.
nlohmann::json parse_json(std::string_view text, const std::string& doing, const std::string& file);

}  // namespace ditmill::registry

#include "jobs/cli/json_text.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::jobs::cli {

std::string json_text(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void say_warnings(const std::vector<std::string>& warnings, std::ostream& log) {
  for (const std::string& warning : warnings) log << "warning: " << printable(warning, 400) << "\n";
}

}  // namespace ditmill::jobs::cli

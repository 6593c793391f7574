#pragma once

#include <ctime>
#include <string>

namespace ditmill {

/// The present time in UTC, in a format of strftime() that yields at most 63 characters.
inline std::string utc_text(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace ditmill

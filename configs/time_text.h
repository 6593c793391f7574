#pragma once

#include <string>

namespace ditmill {

/// The present time in UTC, in a format of strftime() that yields at most 63 characters.
std::string utc_text(const char* format);
/// "4s", "1m26s", "3h07m", "2d03h"
std::string duration_text(double seconds);

}  // namespace ditmill

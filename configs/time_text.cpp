#include "configs/time_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace ditmill {

std::string utc_text(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::llround(std::clamp(seconds, 0.0, 1e12)));
  if (whole >= 86'400) return fmt::format("{}d{:02}h", whole / 86'400, whole % 86'400 / 3600);
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

}  // namespace ditmill

#include "configs/size_text.h"

#include <fmt/format.h>

#include <array>

namespace ditmill {

std::string gigabytes(std::uint64_t bytes, int decimals) {
  return fmt::format("{:.{}f} GB", static_cast<double>(bytes) / 1e9, decimals);
}

std::string megabytes(std::uint64_t bytes, int decimals) {
  return fmt::format("{:.{}f} MB", static_cast<double>(bytes) / 1e6, decimals);
}

std::string size_text(double bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g} {}", bytes, units[unit]);
}

}  // namespace ditmill

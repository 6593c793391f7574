#pragma once

#include <cstdint>
#include <string>

namespace ditmill {

/// "12.345 GB"
std::string gigabytes(std::uint64_t bytes, int decimals = 3);
/// "12.3 MB"
std::string megabytes(std::uint64_t bytes, int decimals = 1);
/// Three digits in the unit that fits: "12 B", "12.3 kB", "4.12 GB".
std::string size_text(double bytes);

}  // namespace ditmill

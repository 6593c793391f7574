#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace ditmill::configs {

/// What is accepted for a number, both ends included.
template <typename T>
struct Bounds {
  T least;
  T most;

  bool operator==(const Bounds&) const = default;
};

/// The least double of Bounds that leave 0 out.
inline constexpr double above_zero = std::numeric_limits<double>::denorm_min();

/// What a Problem expects where a number is out of bounds or none at all: "a whole number from 1 to 1000".
std::string expected_number(Bounds<int> bounds);
std::string expected_number(Bounds<std::int64_t> bounds);
std::string expected_number(Bounds<double> bounds);

}  // namespace ditmill::configs

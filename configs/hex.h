#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ditmill {

/// Hexadecimal is written in lower case everywhere.
inline constexpr std::string_view hex_digits = "0123456789abcdef";

/// Appends the last `digits` digits of a number.
inline void append_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += hex_digits[(value >> shift) & 15];
}

/// Whether a text is that many of those digits.
constexpr bool is_hex(std::string_view text, std::size_t digits) noexcept {
  return text.size() == digits && text.find_first_not_of(hex_digits) == std::string_view::npos;
}

}  // namespace ditmill

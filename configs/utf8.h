#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditmill::utf8 {

/// Not a code point: what decode() returns for bytes that are not UTF-8.
inline constexpr char32_t invalid = 0xffffffff;

struct Decoded {
  char32_t code_point;  ///< or `invalid`
  std::size_t length;   ///< bytes used; 1 for an invalid byte
};

/// The first code point of a text that is not empty. Strict: overlong forms, surrogates and values above
/// U+10FFFF are invalid (RFC 3629).
Decoded decode(std::string_view text) noexcept;
/// Appends a code point (not `invalid`) as UTF-8.
void append(std::string& text, char32_t code_point);
/// The offset of the first byte that is not UTF-8, or npos.
std::size_t find_invalid(std::string_view text) noexcept;

}  // namespace ditmill::utf8

#pragma once

#include <string>
#include <string_view>

namespace ditmill::models {

/// The code points of a UTF-8 text; a byte that is not UTF-8 becomes U+FFFD.
std::u32string to_code_points(std::string_view utf8);
/// The UTF-8 of code points (none of which is a surrogate).
std::string to_utf8(std::u32string_view code_points);
/// Unicode's canonical composition (NFC).
std::u32string to_nfc(std::u32string_view text);
/// Whether Unicode calls it white space (the property White_Space, which is also what `\s` means).
bool is_white_space(char32_t c) noexcept;
/// Whether it is a decimal digit of any script (category Nd, which is also what `\d` means).
bool is_decimal_digit(char32_t c) noexcept;

}  // namespace ditmill::models

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// The offsets behind each extended grapheme cluster of a UTF-8 text (Unicode 17, UAX #29).
std::vector<std::size_t> grapheme_ends(std::string_view text);
/// The last character of a UTF-8 text that is not empty.
std::string_view last_character(std::string_view text) noexcept;
/// Whether `\w` matches it (UTS #18: letters, marks, digits, connectors, joiners).
bool is_word(char32_t c) noexcept;
/// Bytes of white space that a UTF-8 text begins with.
std::size_t leading_space(std::string_view text) noexcept;
/// Bytes of white space that it ends with.
std::size_t trailing_space(std::string_view text) noexcept;
/// Its small letter, by Unicode's simple mapping; U+0130, whose small letter is two characters, stays.
char32_t to_lower(char32_t c) noexcept;
/// Whether normal forms of Unicode 12.0 leave it alone and later ones do not.
bool is_later_than_unicode_12(char32_t c) noexcept;

}  // namespace ditmill::models

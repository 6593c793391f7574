#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ditmill::registry {

/// The value of the four hexadecimal digits that a text begins with; none where it begins otherwise.
std::optional<char32_t> four_digits(std::string_view text) noexcept;

/// Appends what the text between a JSON string's quotes stands for. In a text that nobody has checked, a
/// broken or cut \u escape stands for U+FFFD, and any other character behind a backslash for itself.
void append_unescaped(std::string& out, std::string_view escaped);

/// Decodes a JSON string that has been checked, a byte at a time, without allocating. The text begins behind
/// the string's opening quote; its closing one ends it.
class DecodedBytes {
 public:
  explicit DecodedBytes(std::string_view text) noexcept : text_(text) {}

  /// The next byte; -1 behind the last.
  int next() {
    const bool plain = given_ == pending_.size() && text_[at_] != '"' && text_[at_] != '\\';
    return plain ? static_cast<unsigned char>(text_[at_++]) : next_of_escape();
  }

 private:
  int next_of_escape();

  std::string_view text_;
  std::size_t at_ = 0;
  std::string pending_;  // of one code point: never leaves the small buffer
  std::size_t given_ = 0;
};

/// Orders two such strings by their decoded bytes, whatever their spelling: negative, 0 or positive.
int compare_decoded(std::string_view a, std::string_view b);

}  // namespace ditmill::registry

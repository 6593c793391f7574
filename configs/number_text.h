#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace ditmill {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The number that a text is, from its first to its last character, as std::from_chars reads it; none for any
/// other text, and for one that Number cannot hold.
template <typename Number>
std::optional<Number> number_from_text(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  return failure == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

}  // namespace ditmill

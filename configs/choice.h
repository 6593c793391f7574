#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace ditmill::configs {

/// A word of an enumeration and its value. An enumeration has one table of them.
template <typename T>
struct Choice {
  std::string_view word;
  T value;
};

/// The word of a value; empty if the table lacks it.
template <typename T>
constexpr std::string_view word_of(std::type_identity_t<std::span<const Choice<T>>> table, T value) noexcept {
  for (const Choice<T>& choice : table) {
    if (choice.value == value) return choice.word;
  }
  return {};
}

/// The value of a word; none for any other text.
template <typename T>
constexpr std::optional<T> value_of(std::span<const Choice<T>> table, std::string_view word) noexcept {
  for (const Choice<T>& choice : table) {
    if (choice.word == word) return choice.value;
  }
  return std::nullopt;
}

}  // namespace ditmill::configs

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "models/tokenizers/unigram/tokenizer_json.h"

namespace ditmill::models {
namespace {

constexpr int largest_power = 308;

const std::array<double, largest_power + 1>& powers_of_ten() {
  static const std::array<double, largest_power + 1> powers = [] {
    std::array<double, largest_power + 1> made{};
    for (int i = 0; i <= largest_power; ++i)
      made[i] = std::strtod(("1e" + std::to_string(i)).c_str(), nullptr);
    return made;
  }();
  return powers;
}

/// The digits of a number as far as 64 bits hold them, and the power of ten that they are short of.
struct Decimal {
  std::uint64_t digits = 0;
  std::int64_t exponent = 0;
  bool full = false;

  void whole(char c) noexcept {
    if (full || !push(c)) ++exponent;
  }
  void fraction(char c) noexcept {
    if (!full && push(c)) --exponent;
  }

 private:
  bool push(char c) noexcept {
    std::uint64_t next = 0;
    full = __builtin_mul_overflow(digits, std::uint64_t{10}, &next) ||
           __builtin_add_overflow(next, static_cast<std::uint64_t>(c - '0'), &next);
    if (!full) digits = next;
    return !full;
  }
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What stands behind `e`; far beyond what matters it stays where it is.
std::int64_t read_exponent(std::string_view text) noexcept {
  std::int64_t value = 0;
  for (const char c : text) {
    if (is_digit(c) && value < 1'000'000) value = value * 10 + (c - '0');
  }
  return text.starts_with('-') ? -value : value;
}

}  // namespace

std::optional<double> read_score(std::string_view number) noexcept {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  Decimal decimal;
  std::size_t at = 0;
  for (; at < number.size() && is_digit(number[at]); ++at) decimal.whole(number[at]);
  if (at < number.size() && number[at] == '.') {
    for (++at; at < number.size() && is_digit(number[at]); ++at) decimal.fraction(number[at]);
  }
  if (at < number.size()) decimal.exponent += read_exponent(number.substr(at + 1));

  auto value = static_cast<double>(decimal.digits);
  std::int64_t exponent = decimal.exponent;
  for (; exponent < -largest_power && value != 0; exponent += largest_power) value /= powers_of_ten().back();
  if (value != 0 && exponent > largest_power) return std::nullopt;
  if (value != 0) {
    const double power = powers_of_ten()[static_cast<std::size_t>(std::abs(exponent))];
    value = exponent < 0 ? value / power : value * power;
  }
  if (std::isinf(value)) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace ditmill::models

#include "registry/formats/json_string.h"

#include "configs/utf8.h"

namespace ditmill::registry {
namespace {

std::uint32_t hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  return static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
}

/// The code point of a checked \u escape; `at` is behind the `u` and moves behind the escape.
char32_t unicode_escape(const char*& at) noexcept {
  const std::uint32_t unit = four_digits(at);
  at += 4;
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  const std::uint32_t low = four_digits(at + 2);
  at += 6;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

}  // namespace

std::uint32_t four_digits(const char* digits) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 4 | hex_value(digits[i]);
  return value;
}

int DecodedBytes::next() {
  if (given_ < pending_.size()) return static_cast<unsigned char>(pending_[given_++]);
  if (*at_ == '"') return -1;
  if (*at_ != '\\') return static_cast<unsigned char>(*at_++);
  ++at_;
  const char escape = *at_++;
  switch (escape) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'u':
      pending_.clear();
      utf8::append(pending_, unicode_escape(at_));
      given_ = 1;
      return static_cast<unsigned char>(pending_[0]);
    default:
      return escape;
  }
}

int compare_decoded(const char* a, const char* b) {
  DecodedBytes left{a};
  DecodedBytes right{b};
  for (;;) {
    const int x = left.next();
    const int y = right.next();
    if (x != y) return x < y ? -1 : 1;
    if (x < 0) return 0;
  }
}

}  // namespace ditmill::registry

#include "registry/formats/json_string.h"

#include <algorithm>

#include "configs/utf8.h"

namespace ditmill::registry {
namespace {

constexpr char32_t replacement = 0xfffd;

struct Unescaped {
  char32_t code_point;
  std::size_t length;
};

/// Of \u and what follows.
Unescaped unicode_escape(std::string_view text) noexcept {
  constexpr std::size_t length = 6;
  const char32_t unit = four_digits(text.substr(2)).value_or(replacement);
  if (unit < 0xd800 || unit > 0xdfff) return {unit, length};
  const std::string_view rest = text.substr(std::min(length, text.size()));
  const char32_t low = rest.starts_with("\\u") ? four_digits(rest.substr(2)).value_or(0) : 0;
  if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return {replacement, length};
  return {0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 2 * length};
}

/// Of the escape that a text begins with; a backslash alone stands for itself.
Unescaped unescape(std::string_view text) noexcept {
  static constexpr std::string_view names = "bfnrt";
  static constexpr std::string_view values = "\b\f\n\r\t";
  if (text.size() < 2) return {'\\', 1};
  if (text[1] == 'u') return unicode_escape(text);
  const std::size_t known = names.find(text[1]);
  return {static_cast<unsigned char>(known == std::string_view::npos ? text[1] : values[known]), 2};
}

}  // namespace

std::optional<char32_t> four_digits(std::string_view text) noexcept {
  if (text.size() < 4) return std::nullopt;
  char32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<char32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value << 4 | static_cast<char32_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

void append_unescaped(std::string& out, std::string_view escaped) {
  while (true) {
    const std::size_t plain = std::min(escaped.find('\\'), escaped.size());
    out += escaped.substr(0, plain);
    escaped.remove_prefix(plain);
    if (escaped.empty()) return;
    if (escaped.size() > 1 && escaped[1] != 'u') {
      // One that no escape has may be a byte of a longer character: it goes out as it is.
      out += static_cast<char>(unescape(escaped).code_point);
      escaped.remove_prefix(2);
      continue;
    }
    const auto [code_point, length] = unescape(escaped);
    utf8::append(out, code_point);
    escaped.remove_prefix(std::min(length, escaped.size()));
  }
}

int DecodedBytes::next_of_escape() {
  if (given_ < pending_.size()) return static_cast<unsigned char>(pending_[given_++]);
  if (text_[at_] == '"') return -1;
  const auto [code_point, length] = unescape(text_.substr(at_));
  at_ += length;
  pending_.clear();
  utf8::append(pending_, code_point);
  given_ = 1;
  return static_cast<unsigned char>(pending_[0]);
}

int compare_decoded(std::string_view a, std::string_view b) {
  std::size_t same = 0;
  while (a[same] == b[same] && a[same] != '"' && a[same] != '\\') ++same;
  if (a[same] != '\\' && b[same] != '\\') {  // almost always
    const auto value = [same](std::string_view text) {
      return text[same] == '"' ? -1 : static_cast<unsigned char>(text[same]);
    };
    return value(a) - value(b);
  }
  DecodedBytes left{a.substr(same)};
  DecodedBytes right{b.substr(same)};
  for (;;) {
    const int x = left.next();
    const int y = right.next();
    if (x != y) return x < y ? -1 : 1;
    if (x < 0) return 0;
  }
}

}  // namespace ditmill::registry

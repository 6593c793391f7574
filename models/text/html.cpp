#include "models/text/html.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>

#include "models/text/windows_1252.h"

namespace ditmill::models {
namespace {

template <std::size_t width>
struct Entity {
  std::string_view name;  ///< without the ampersand; with the semicolon, if it needs one
  std::array<char32_t, width> value;
};

constexpr Entity<2> html5[] = {
#include "models/text/html_entities.inc"
};
constexpr Entity<3> capitals[] = {
#include "models/text/upper_entities.inc"
};

constexpr std::size_t longest_reference = 32;
constexpr std::size_t longest_cautious_reference = 24;

template <std::size_t width, std::size_t count>
std::optional<std::u32string> find(const Entity<width> (&table)[count], std::u32string_view name) {
  std::string ascii;
  for (const char32_t c : name) {
    if (c > 0x7e) return std::nullopt;
    ascii += static_cast<char>(c);
  }
  const auto* found = std::lower_bound(std::begin(table), std::end(table), ascii,
                                       [](const auto& entity, const auto& key) { return entity.name < key; });
  if (found == std::end(table) || found->name != ascii) return std::nullopt;
  std::u32string value;
  for (const char32_t c : found->value) {
    if (c != 0) value += c;
  }
  return value;
}

std::optional<int> digit(char32_t c, int base) {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  if (base == 16 && c >= U'a' && c <= U'f') return static_cast<int>(c - U'a') + 10;
  if (base == 16 && c >= U'A' && c <= U'F') return static_cast<int>(c - U'A') + 10;
  return std::nullopt;
}

bool is_dropped(char32_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) || (c >= 0x7f && c <= 0x9f) ||
         (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

void append_numbered(std::u32string& out, char32_t number) {
  if (number == 0 || (number >= 0xd800 && number <= 0xdfff) || number > 0x10ffff) {
    out += U'\ufffd';
  } else if (number >= 0x80 && number <= 0x9f) {
    out += windows_1252(number);
  } else if (!is_dropped(number)) {
    out += number;
  }
}

/// The characters that a numeric reference takes from `text`, which starts with "&#"; 0 if it is none.
std::size_t take_numeric(std::u32string_view text, std::u32string& out) {
  std::size_t at = 2;
  const int base = at < text.size() && (text[at] == U'x' || text[at] == U'X') ? 16 : 10;
  if (base == 16) ++at;
  const std::size_t first = at;
  char32_t number = 0;
  for (std::optional<int> value; at < text.size() && (value = digit(text[at], base)); ++at) {
    number =
        std::min<char32_t>(number * static_cast<char32_t>(base) + static_cast<char32_t>(*value), 0x110000);
  }
  if (at == first) return 0;
  append_numbered(out, number);
  return at < text.size() && text[at] == U';' ? at + 1 : at;
}

bool ends_name(char32_t c) {
  return std::u32string_view(U"\t\n\f <&#;").find(c) != std::u32string_view::npos;
}

/// The same for a named reference; the longest name that is known counts.
std::size_t take_named(std::u32string_view text, std::u32string& out) {
  std::size_t end = 1;
  while (end < text.size() && end <= longest_reference && !ends_name(text[end])) ++end;
  if (end == 1) return 0;
  if (end < text.size() && text[end] == U';') ++end;
  for (std::size_t length = end - 1; length > 1; --length) {
    if (const auto value = find(html5, text.substr(1, length))) {
      out += *value;
      return 1 + length;
    }
  }
  return 0;
}

/// The length of `&#?[0-9A-Za-z]{1,24};` at the start of `text`; 0 if it is not there.
std::size_t cautious_length(std::u32string_view text) {
  std::size_t at = 1;
  if (at < text.size() && text[at] == U'#') ++at;
  const std::size_t first = at;
  const auto is_name = [](char32_t c) {
    return digit(c, 10) || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
  };
  while (at < text.size() && at - first < longest_cautious_reference && is_name(text[at])) ++at;
  return at > first && at < text.size() && text[at] == U';' ? at + 1 : 0;
}

std::u32string cautious_value(std::u32string_view reference) {
  if (reference[1] == U'#') {
    std::u32string value = html_unescape(reference);
    return value.find(U';') == std::u32string::npos ? value : std::u32string(reference);
  }
  const std::u32string_view name = reference.substr(1);
  if (auto value = find(html5, name)) return *std::move(value);
  if (auto value = find(capitals, name)) return *std::move(value);
  return std::u32string(reference);
}

}  // namespace

std::u32string html_unescape(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t taken = 0;
    if (text[0] == U'&') {
      taken = text.size() > 1 && text[1] == U'#' ? take_numeric(text, out) : take_named(text, out);
    }
    if (taken == 0) out += text[taken++];
    text.remove_prefix(taken);
  }
  return out;
}

std::u32string html_unescape_cautious(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = text[0] == U'&' ? cautious_length(text) : 0;
    if (length == 0) {
      out += text[0];
    } else {
      out += cautious_value(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace ditmill::models

#include "models/text/fix_text.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "models/text/code_points.h"
#include "models/text/html.h"
#include "models/text/windows_1252.h"

namespace ditmill::models {
namespace {

constexpr std::size_t longest_segment = 1'000'000;

struct Replacement {
  char32_t from;
  std::array<char32_t, 3> to;
};

constexpr Replacement ligatures[] = {
    {0x132, {'I', 'J'}},    {0x133, {'i', 'j'}},   {0x149, {0x2bc, 'n'}},     {0x1c4, {'D', 0x17d}},
    {0x1c5, {'D', 0x17e}},  {0x1c6, {'d', 0x17e}}, {0x1c7, {'L', 'J'}},       {0x1c8, {'L', 'j'}},
    {0x1c9, {'l', 'j'}},    {0x1ca, {'N', 'J'}},   {0x1cb, {'N', 'j'}},       {0x1cc, {'n', 'j'}},
    {0x1f1, {'D', 'Z'}},    {0x1f2, {'D', 'z'}},   {0x1f3, {'d', 'z'}},       {0xfb00, {'f', 'f'}},
    {0xfb01, {'f', 'i'}},   {0xfb02, {'f', 'l'}},  {0xfb03, {'f', 'f', 'i'}}, {0xfb04, {'f', 'f', 'l'}},
    {0xfb05, {0x17f, 't'}}, {0xfb06, {'s', 't'}},
};

/// Full width and half width forms, and the ideographic space.
constexpr Replacement widths[] = {
#include "models/text/width_map.inc"
};

template <std::size_t count>
std::u32string replace(const Replacement (&table)[count], std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    const auto* found =
        std::lower_bound(std::begin(table), std::end(table), c,
                         [](const Replacement& entry, char32_t key) { return entry.from < key; });
    if (found == std::end(table) || found->from != c) {
      out += c;
      continue;
    }
    for (const char32_t to : found->to) {
      if (to != 0) out += to;
    }
  }
  return out;
}

char32_t straighten_quote(char32_t c) {
  if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) return U'\'';
  if (c >= 0x201c && c <= 0x201f) return U'"';
  return c;
}

std::u32string fix_line_breaks(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') continue;
    const bool is_break = text[i] == U'\r' || text[i] == 0x2028 || text[i] == 0x2029 || text[i] == 0x85;
    out += is_break ? U'\n' : text[i];
  }
  return out;
}

/// The code points of `ESC [ digits-and-semicolons letter` at the start of `text`; 0 if it is not there.
std::size_t terminal_escape_length(std::u32string_view text) {
  if (text.size() < 3 || text[0] != 0x1b || text[1] != U'[') return 0;
  std::size_t at = 2;
  while (at < text.size() && (is_decimal_digit(text[at]) || text[at] == U';')) ++at;
  const bool letter =
      at < text.size() && ((text[at] >= U'a' && text[at] <= U'z') || (text[at] >= U'A' && text[at] <= U'Z'));
  return letter ? at + 1 : 0;
}

std::u32string remove_terminal_escapes(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = terminal_escape_length(text);
    if (length == 0) out += text[0];
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

bool is_removed_control(char32_t c) {
  return c <= 0x8 || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

std::u32string fix_segment(std::u32string text, bool unescape) {
  for (std::u32string before; before != text;) {
    before = text;
    if (unescape) text = html_unescape_cautious(text);
    for (char32_t& c : text) {
      if (c >= 0x80 && c <= 0x9f) c = windows_1252(c);
    }
    text = replace(widths, replace(ligatures, text));
    std::transform(text.begin(), text.end(), text.begin(), straighten_quote);
    text = remove_terminal_escapes(fix_line_breaks(text));
    std::erase_if(text, is_removed_control);
    text = to_nfc(text);
  }
  return text;
}

}  // namespace

std::u32string fix_text(std::u32string_view text) {
  std::u32string out;
  bool unescape = true;
  while (!text.empty()) {
    const std::size_t line_end = text.find(U'\n');
    const std::size_t length =
        std::min(line_end == std::u32string_view::npos ? text.size() : line_end + 1, longest_segment);
    const std::u32string_view segment = text.substr(0, length);
    // A "<" says that the text is real HTML, whose references mean something; ftfy remembers it for later
    // lines.
    unescape = unescape && segment.find(U'<') == std::u32string_view::npos;
    out += fix_segment(std::u32string(segment), unescape);
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace ditmill::models

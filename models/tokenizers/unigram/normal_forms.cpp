#include "models/tokenizers/unigram/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "models/text/code_points.h"
#include "models/tokenizers/unigram/unicode.h"

namespace ditmill::models {
namespace {

struct Character {
  char32_t value;
  int combining_class;
  int change;  ///< NormalizedText::Change's
};

int combining_class(char32_t c) noexcept {
  if (is_later_than_unicode_12(c)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void decompose(char32_t c, bool compatible, std::vector<Character>& out) {
  std::array<utf8proc_int32_t, 32> parts{};  // U+FDFA has the most: 18
  const int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  int last_class = 0;
  const utf8proc_ssize_t count =
      is_later_than_unicode_12(c)
          ? 0
          : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                    static_cast<utf8proc_option_t>(options), &last_class);
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back({c, combining_class(c), 0});
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const auto part = static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
    out.push_back({part, combining_class(part), i == 0 ? 0 : 1});
  }
}

void put_marks_in_order(std::vector<Character>& text) {
  for (auto at = text.begin(); at != text.end();) {
    if (at->combining_class == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, text.end(), [](const Character& c) { return c.combining_class == 0; });
    std::stable_sort(at, end, [](const Character& a, const Character& b) {
      return a.combining_class < b.combining_class;
    });
    at = end;
  }
}

std::optional<char32_t> composite(char32_t a, char32_t b) noexcept {
  std::array<utf8proc_int32_t, 3> pair{static_cast<utf8proc_int32_t>(a), static_cast<utf8proc_int32_t>(b)};
  const utf8proc_ssize_t length = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const auto made = static_cast<char32_t>(pair[0]);
  if (length != 1 || is_later_than_unicode_12(made)) return std::nullopt;
  return made;
}

void compose(std::vector<Character>& text) {
  std::vector<Character> out;
  out.reserve(text.size());
  std::optional<std::size_t> starter;
  for (const Character& c : text) {
    // A character between them of the same class, or a starter, keeps a pair apart.
    const bool apart = starter && out.size() > *starter + 1 &&
                       (out.back().combining_class == 0 || out.back().combining_class >= c.combining_class);
    const auto made = starter && !apart ? composite(out[*starter].value, c.value) : std::nullopt;
    if (made) {
      out[*starter].value = *made;
      out[*starter].change += c.change - 1;
      continue;
    }
    if (c.combining_class == 0) starter = out.size();
    out.push_back(c);
  }
  text = std::move(out);
}

}  // namespace

void to_normal_form(NormalizedText& text, NormalForm form) {
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  std::vector<Character> characters;
  characters.reserve(text.text().size());
  for (const char32_t c : to_code_points(text.text())) decompose(c, compatible, characters);
  put_marks_in_order(characters);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) compose(characters);
  std::vector<NormalizedText::Change> changes;
  changes.reserve(characters.size());
  for (const Character& c : characters) changes.push_back({c.value, c.change});
  text.transform(changes);
}

}  // namespace ditmill::models

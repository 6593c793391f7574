#include "jobs/results/export/name_template.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "configs/error.h"
#include "configs/suggest.h"
#include "configs/utf8.h"

namespace ditmill::jobs::results {
namespace {

/// Of a name's 255 bytes, ".mp4" and ".tmp" are not for us.
constexpr std::size_t max_bytes = 255 - 8;
constexpr std::string_view doing = "read --name";

[[noreturn]] void refuse(std::string expected, std::string_view got, std::string hint = {}) {
  throw Error(Category::usage, std::string{doing}, {}, Expected{std::move(expected)}, Got{printable(got)},
              std::move(hint));
}

std::vector<std::string> known_fields() {
  std::vector<std::string> fields;
  std::string_view rest = name_fields;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(", "), rest.size());
    fields.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return fields;
}

void require_known(std::string_view field) {
  const std::vector<std::string> fields = known_fields();
  if (field.starts_with(metadata_prefix) && field.size() > metadata_prefix.size()) return;
  if (std::find(fields.begin(), fields.end(), field) != fields.end() && field != fields.back()) return;
  const std::string nearest = configs::nearest(field, fields);
  refuse("a field of the item: " + std::string{name_fields}, field,
         nearest.empty() ? "what else a line of the list says is {metadata.NAME}"
                         : "did you mean {" + nearest + "}?");
}

/// Whether a field's values are short: they are what tells items apart, and are kept whole.
bool is_short(std::string_view field) {
  return field != "prompt" && field != "negative_prompt" && !field.starts_with(metadata_prefix);
}

/// A code point as a file name may have it.
char32_t safe(char32_t c) {
  static constexpr std::u32string_view foreign = U"/\\:*?\"<>|";
  static constexpr std::u32string_view blanks = U"\t\n\v\f\r\u2028\u2029";
  if (blanks.find(c) != std::u32string_view::npos) return ' ';
  const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  const bool turns_direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
  return control || turns_direction || c == utf8::invalid || foreign.find(c) != std::u32string_view::npos
             ? '_'
             : c;
}

/// Whole characters of a text, at most so many, and of at most so many bytes.
std::string cut(std::string_view text, std::size_t characters, std::size_t bytes) {
  std::size_t end = 0;
  for (; characters > 0 && end < text.size(); --characters) {
    const std::size_t next = end + utf8::decode(text.substr(end)).length;
    if (next > bytes) break;
    end = next;
  }
  return std::string{text.substr(0, end)};
}

std::string safe_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [code_point, length] = utf8::decode(text);
    utf8::append(out, safe(code_point));
    text.remove_prefix(length);
  }
  return out;
}

/// Names of devices on Windows, whatever their ending.
bool is_reserved(std::string_view name) {
  std::string stem{name.substr(0, name.find('.'))};
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  static constexpr std::array<std::string_view, 4> devices{"CON", "PRN", "AUX", "NUL"};
  if (std::find(devices.begin(), devices.end(), stem) != devices.end()) return true;
  return stem.size() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")) && stem[3] >= '1' &&
         stem[3] <= '9';
}

/// What a name must not begin or end with, taken away.
std::string trimmed(std::string name) {
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(" .") + 1);
  if (!name.empty() && (name[0] == '.' || name[0] == '-')) name[0] = '_';
  return is_reserved(name) ? "_" + name : name;
}

}  // namespace

NameTemplate::NameTemplate(std::string_view text) {
  const auto add_text = [this](std::string_view more) {
    if (pieces_.empty() || pieces_.back().field) pieces_.push_back({});
    pieces_.back().text += more;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    add_text(text.substr(at, brace - at));
    if (brace == text.size()) break;
    at = brace + 1;
    if (at < text.size() && text[at] == text[brace]) {
      add_text(text.substr(at++, 1));
      continue;
    }
    const std::size_t end = text.find_first_of("{}", at);
    if (text[brace] == '}' || end == std::string_view::npos || text[end] == '{') {
      refuse("{FIELD} or {FIELD:.N}; {{ and }} for braces", text);
    }
    pieces_.push_back(read_field(text.substr(at, end - at)));
    at = end + 1;
  }
  std::string literal;
  for (const Piece& piece : pieces_) literal += piece.field ? "" : piece.text;
  if (literal.find('/') != std::string::npos) refuse("a file's name, without folders", text);
  if (safe_text(literal) != literal || literal.size() > max_bytes) {
    refuse("characters of a file name, none of \\ : * ? \" < > |, and at most " + std::to_string(max_bytes) +
               " bytes",
           text);
  }
}

NameTemplate::Piece NameTemplate::read_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  Piece piece{.text = std::string{text.substr(0, colon)}, .field = true};
  require_known(piece.text);
  if (colon == std::string_view::npos) return piece;
  const std::string_view format = text.substr(colon + 1);
  const char* end = format.data() + format.size();
  std::size_t most = 0;
  const auto [parsed, error] =
      format.starts_with('.') ? std::from_chars(format.data() + 1, end, most) : std::from_chars_result{};
  if (parsed != end || error != std::errc{} || most == 0) {
    refuse("{" + piece.text + ":.N}, which cuts to N characters", "{" + std::string{text} + "}");
  }
  piece.most = most;
  return piece;
}

bool NameTemplate::uses(std::string_view field) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [field](const Piece& piece) { return piece.field && piece.text == field; });
}

NameTemplate::Name NameTemplate::of(const std::function<std::string(std::string_view field)>& value) const {
  std::vector<std::string> texts;
  for (const Piece& piece : pieces_) {
    const std::string text = piece.field ? safe_text(value(piece.text)) : piece.text;
    texts.push_back(cut(text, piece.most.value_or(text.size()), text.size()));
  }
  const auto join = [&texts] {
    std::string name;
    for (const std::string& text : texts) name += text;
    return name;
  };
  std::string name = join();
  const bool shortened = name.size() > max_bytes;
  for (std::size_t most = max_bytes; name.size() > max_bytes && most-- > 0; name = join()) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (pieces_[i].field && !is_short(pieces_[i].text)) texts[i] = cut(texts[i], most, most);
    }
  }
  return {.text = trimmed(cut(name, max_bytes, max_bytes)), .shortened = shortened};
}

}  // namespace ditmill::jobs::results

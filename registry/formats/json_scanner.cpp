#include "registry/formats/json_scanner.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "configs/error.h"
#include "configs/number_text.h"
#include "configs/utf8.h"
#include "registry/formats/json_string.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t shown_bytes = 24;

}  // namespace

JsonScanner::JsonScanner(std::string_view text, std::string doing, std::string file, std::uint64_t base)
    : text_(text), doing_(std::move(doing)), file_(std::move(file)), base_(base) {
  const std::size_t invalid = utf8::find_invalid(text_);
  if (invalid != std::string_view::npos) fail(base_ + invalid, "UTF-8", shown(base_ + invalid));
}

void JsonScanner::fail(std::uint64_t offset, std::string expected, std::string got, std::string tensor,
                       std::string hint) const {
  throw Error{Category::bad_input,
              doing_,
              Where{.file = file_, .offset = offset, .tensor = std::move(tensor)},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

std::string JsonScanner::shown(std::uint64_t offset) const {
  const std::size_t from = offset - base_;
  if (from >= text_.size()) return "the end of the JSON";
  return "'" + printable(text_.substr(from, shown_bytes), 2 * shown_bytes) + "'";
}

void JsonScanner::fail_here(std::string expected) const {
  fail(base_ + position_, std::move(expected), shown(base_ + position_));
}

void JsonScanner::skip_space() noexcept {
  while (!ended() && (at() == ' ' || at() == '\t' || at() == '\n' || at() == '\r')) ++position_;
}

std::uint64_t JsonScanner::offset() {
  skip_space();
  return base_ + position_;
}

JsonKind JsonScanner::peek() {
  skip_space();
  switch (at()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      if (at() == '-' || is_digit(at())) return JsonKind::number;
      fail_here("a JSON value");
  }
}

void JsonScanner::enter(bool object) {
  if (levels_.size() == max_depth) fail_here("nesting of at most " + std::to_string(max_depth) + " levels");
  ++position_;
  levels_.push_back({keys_.size(), object, true});
}

void JsonScanner::leave() {
  ++position_;
  if (levels_.back().object) refuse_repeated_keys(levels_.back().first_key);
  keys_.resize(levels_.back().first_key);
  levels_.pop_back();
}

bool JsonScanner::step(char close) {
  skip_space();
  if (at() == close && !ended()) {
    leave();
    return false;
  }
  if (!levels_.back().empty) {
    if (at() != ',') fail_here(std::string{"',' or '"} + close + "'");
    ++position_;
    skip_space();
  }
  levels_.back().empty = false;
  return true;
}

void JsonScanner::refuse_repeated_keys(std::size_t first) {
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
  const char* text = text_.data();
  std::sort(begin, keys_.end(), [text](std::uint32_t a, std::uint32_t b) {
    const int order = compare_decoded(text + a + 1, text + b + 1);
    return order != 0 ? order < 0 : a < b;
  });
  std::optional<std::pair<std::uint32_t, std::uint32_t>>
      repeated;  // the earliest repetition, and what it repeats
  for (auto key = begin; key != keys_.end() && key + 1 != keys_.end(); ++key) {
    if (compare_decoded(text + *key + 1, text + *(key + 1) + 1) != 0) continue;
    if (!repeated || *(key + 1) < repeated->first) repeated = {*(key + 1), *key};
  }
  if (repeated) {
    fail(
        base_ + repeated->first, "every key once in its object",
        shown(base_ + repeated->first) + " again, first at byte " + std::to_string(base_ + repeated->second));
  }
}

void JsonScanner::begin_object() {
  skip_space();
  if (at() != '{') fail_here("an object");
  enter(true);
}

bool JsonScanner::next_member() {
  if (!step('}')) return false;
  if (at() != '"') fail_here("a key in double quotes");
  key_ = position_;
  keys_.push_back(static_cast<std::uint32_t>(position_));
  key_bytes_ = raw_string().size();
  skip_space();
  if (at() != ':') fail_here("':' after a key");
  ++position_;
  return true;
}

std::string JsonScanner::decoded(std::size_t quote, std::size_t bytes) const {
  std::string text;
  text.reserve(bytes);  // an escape is longer than what it stands for
  DecodedBytes source{text_.data() + quote + 1};
  for (int byte = source.next(); byte >= 0; byte = source.next()) text.push_back(static_cast<char>(byte));
  return text;
}

std::string JsonScanner::key() const { return decoded(key_, key_bytes_); }

void JsonScanner::begin_array() {
  skip_space();
  if (at() != '[') fail_here("an array");
  enter(false);
}

bool JsonScanner::next_element() { return step(']'); }

std::size_t JsonScanner::count_elements() const noexcept {
  const std::size_t end = std::min(text_.find(']', position_), text_.size());
  const auto from = text_.begin() + static_cast<std::ptrdiff_t>(position_);
  const auto to = text_.begin() + static_cast<std::ptrdiff_t>(end);
  const bool blank =
      std::all_of(from, to, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
  return blank ? 0 : static_cast<std::size_t>(std::count(from, to, ',')) + 1;
}

std::uint32_t JsonScanner::hex4() {
  for (std::size_t i = 0; i < 4; ++i) {
    if (position_ + i >= text_.size() ||
        std::isxdigit(static_cast<unsigned char>(text_[position_ + i])) == 0) {
      fail_here("four hexadecimal digits");
    }
  }
  const std::uint32_t unit = four_digits(text_.data() + position_);
  position_ += 4;
  return unit;
}

void JsonScanner::check_escape() {
  const std::size_t start = position_;
  ++position_;
  const char escape = at();
  if (escape != 'u') {
    if (ended() || std::string_view{"\"\\/bfnrt"}.find(escape) == std::string_view::npos) {
      fail(base_ + start, "an escape of JSON", shown(base_ + start));
    }
    ++position_;
    return;
  }
  ++position_;
  const std::uint32_t unit = hex4();
  if (unit < 0xd800 || unit > 0xdfff) return;
  if (unit <= 0xdbff && text_.substr(position_, 2) == "\\u") {
    position_ += 2;
    const std::uint32_t low = hex4();
    if (low >= 0xdc00 && low <= 0xdfff) return;
  }
  fail(base_ + start, "surrogates in pairs", "the lone surrogate " + shown(base_ + start));
}

std::string_view JsonScanner::raw_string() {
  const std::size_t start = ++position_;
  for (;;) {
    if (ended()) fail_here("a closing quote");
    const char c = at();
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) fail_here("an escape in place of a control character");
    if (c == '\\') {
      check_escape();
    } else {
      ++position_;
    }
  }
  return text_.substr(start, position_++ - start);
}

std::string JsonScanner::string() {
  skip_space();
  if (at() != '"') fail_here("a string");
  const std::size_t quote = position_;
  return decoded(quote, raw_string().size());
}

std::string_view JsonScanner::number() {
  skip_space();
  const std::size_t start = position_;
  const auto digits = [this] {
    if (!is_digit(at())) fail_here("a digit");
    while (is_digit(at())) ++position_;
  };
  if (at() == '-') ++position_;
  if (at() == '0') {
    ++position_;
    if (is_digit(at())) fail_here("a number without leading zeros");
  } else {
    digits();
  }
  if (at() == '.') {
    ++position_;
    digits();
  }
  if (at() == 'e' || at() == 'E') {
    ++position_;
    if (at() == '+' || at() == '-') ++position_;
    digits();
  }
  return text_.substr(start, position_ - start);
}

std::uint64_t JsonScanner::natural(std::string_view what) {
  const std::uint64_t start = offset();
  const std::string expected = std::string{what} + " as a whole number from 0 to 2^64-1, digits only";
  if (peek() != JsonKind::number) fail(start, expected, shown(start));
  const std::string_view text = number();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail(start, expected, "'" + printable(text, 2 * shown_bytes) + "'");
  }
  return value;
}

void JsonScanner::literal(std::string_view word) {
  if (text_.substr(position_, word.size()) != word) fail_here("a JSON value");
  position_ += word.size();
}

bool JsonScanner::boolean() {
  skip_space();
  const bool value = at() == 't';
  literal(value ? "true" : "false");
  return value;
}

void JsonScanner::null() {
  skip_space();
  literal("null");
}

void JsonScanner::skip() {
  switch (peek()) {
    case JsonKind::object:
      begin_object();
      while (next_member()) skip();
      break;
    case JsonKind::array:
      begin_array();
      while (next_element()) skip();
      break;
    case JsonKind::string:
      raw_string();
      break;
    case JsonKind::number:
      number();
      break;
    case JsonKind::boolean:
      boolean();
      break;
    case JsonKind::null:
      null();
      break;
  }
}

void JsonScanner::finish() {
  skip_space();
  if (!ended()) fail_here("nothing after the JSON value");
}

}  // namespace ditmill::registry

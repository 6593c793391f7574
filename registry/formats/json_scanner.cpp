#include "registry/formats/json_scanner.h"

#include <algorithm>
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

std::string rule_text(JsonRule rule) {
  switch (rule) {
    case JsonRule::utf8:
      return "UTF-8";
    case JsonRule::depth:
      return "nesting of at most " + std::to_string(max_depth) + " levels";
    case JsonRule::value:
      return "a JSON value";
    case JsonRule::object:
      return "an object";
    case JsonRule::array:
      return "an array";
    case JsonRule::string:
      return "a string";
    case JsonRule::key:
      return "a key in double quotes";
    case JsonRule::keys_once:
      return "every key once in its object";
    case JsonRule::colon:
      return "':' after a key";
    case JsonRule::comma_in_object:
      return "',' or '}'";
    case JsonRule::comma_in_array:
      return "',' or ']'";
    case JsonRule::closing_quote:
      return "a closing quote";
    case JsonRule::no_control_character:
      return "an escape in place of a control character";
    case JsonRule::known_escape:
      return "an escape of JSON";
    case JsonRule::hex_digits:
    case JsonRule::low_hex_digits:
      return "four hexadecimal digits";
    case JsonRule::pairs:
      return "surrogates in pairs";
    case JsonRule::first_digit:
    case JsonRule::digit:
      return "a digit";
    case JsonRule::no_leading_zero:
      return "a number without leading zeros";
    case JsonRule::one_value:
      return "nothing after the JSON value";
  }
  return {};
}

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Of ASCII, and in a string what it stands for.
bool is_itself(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 && c != '"' &&
         c != '\\';
}

}  // namespace

JsonScanner::JsonScanner(std::string_view text, std::string doing, std::string file, std::uint64_t base)
    : text_(text), doing_(std::move(doing)), file_(std::move(file)), base_(base) {
  const std::size_t invalid = utf8::find_invalid(text_);
  if (invalid != std::string_view::npos) refuse({.rule = JsonRule::utf8, .at = invalid});
}

JsonScanner::JsonScanner(std::string_view text) : text_(text), breaches_(true) {
  // Of most lines of a list that has a million of them.
  levels_.reserve(4);
  keys_.reserve(16);
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

void JsonScanner::refuse(JsonBreach breach) const {
  // Keys are compared when their object ends.
  if (breaches_) throw repeated_key().value_or(breach);
  std::string got = shown(base_ + breach.at);
  if (breach.rule == JsonRule::pairs) got.insert(0, "the lone surrogate ");
  if (breach.rule == JsonRule::keys_once)
    got += " again, first at byte " + std::to_string(base_ + breach.first);
  fail(base_ + breach.at, rule_text(breach.rule), std::move(got));
}

void JsonScanner::skip_space() noexcept {
  while (!ended() && is_space(text_[position_])) ++position_;
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
      refuse_here(JsonRule::value);
  }
}

void JsonScanner::enter(bool object) {
  if (levels_.size() == max_depth) refuse_here(JsonRule::depth);
  ++position_;
  levels_.push_back({keys_.size(), object, true});
}

void JsonScanner::leave() {
  ++position_;
  const std::span<std::uint32_t> keys{keys_};
  if (const auto repeated = repeated_of(keys.subspan(levels_.back().first_key))) refuse(*repeated);
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
    if (at() != ',') refuse_here(close == '}' ? JsonRule::comma_in_object : JsonRule::comma_in_array);
    ++position_;
    skip_space();
  }
  levels_.back().empty = false;
  return true;
}

std::optional<JsonBreach> JsonScanner::repeated_of(std::span<std::uint32_t> keys) const {
  const auto order = [this](std::uint32_t a, std::uint32_t b) {
    return compare_decoded(text_.substr(a + 1), text_.substr(b + 1));
  };
  // Most writers sort: keys that ascend are sorted, and none is there twice.
  const auto not_below = [order](std::uint32_t a, std::uint32_t b) { return order(a, b) >= 0; };
  if (std::ranges::adjacent_find(keys, not_below) == keys.end()) return std::nullopt;
  std::sort(keys.begin(), keys.end(), [order](std::uint32_t a, std::uint32_t b) {
    const int found = order(a, b);
    return found != 0 ? found < 0 : a < b;
  });
  std::optional<JsonBreach> earliest;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    if (order(keys[i], keys[i + 1]) != 0 || (earliest && earliest->at < keys[i + 1])) continue;
    earliest = {.rule = JsonRule::keys_once, .at = keys[i + 1], .first = keys[i]};
  }
  return earliest;
}

std::optional<JsonBreach> JsonScanner::repeated_key() const {
  std::optional<JsonBreach> earliest;
  std::vector<std::uint32_t> keys = keys_;
  std::size_t end = keys.size();
  // clang 14 cannot read libstdc++'s reverse_view.
  // NOLINTNEXTLINE(modernize-loop-convert)
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    const auto found = repeated_of(std::span{keys}.subspan(level->first_key, end - level->first_key));
    if (found && (!earliest || found->at < earliest->at)) earliest = found;
    end = level->first_key;
  }
  return earliest;
}

void JsonScanner::begin_object() {
  skip_space();
  if (at() != '{') refuse_here(JsonRule::object);
  enter(true);
}

bool JsonScanner::next_member() {
  if (!step('}')) return false;
  if (at() != '"') refuse_here(JsonRule::key);
  key_ = position_;
  key_bytes_ = raw_string().size();
  keys_.push_back(static_cast<std::uint32_t>(key_));
  skip_space();
  if (at() != ':') refuse_here(JsonRule::colon);
  ++position_;
  return true;
}

std::string JsonScanner::key() const {
  std::string text;
  append_unescaped(text, text_.substr(key_ + 1, key_bytes_));
  return text;
}

std::string JsonScanner::key_at(std::size_t quote) const {
  std::string text;
  DecodedBytes source{text_.substr(quote + 1)};
  for (int byte = source.next(); byte >= 0; byte = source.next()) text.push_back(static_cast<char>(byte));
  return text;
}

void JsonScanner::begin_array() {
  skip_space();
  if (at() != '[') refuse_here(JsonRule::array);
  enter(false);
}

bool JsonScanner::next_element() { return step(']'); }

std::size_t JsonScanner::count_elements() const noexcept {
  const std::size_t end = std::min(text_.find(']', position_), text_.size());
  const auto from = text_.begin() + static_cast<std::ptrdiff_t>(position_);
  const auto to = text_.begin() + static_cast<std::ptrdiff_t>(end);
  return std::all_of(from, to, is_space) ? 0 : static_cast<std::size_t>(std::count(from, to, ',')) + 1;
}

char32_t JsonScanner::hex4(JsonRule rule) {
  const std::optional<char32_t> unit = four_digits(text_.substr(position_));
  if (!unit) refuse_here(rule);
  position_ += 4;
  return *unit;
}

void JsonScanner::check_escape() {
  const std::size_t start = position_;
  ++position_;
  const char escape = at();
  if (escape != 'u') {
    if (ended() || std::string_view{"\"\\/bfnrt"}.find(escape) == std::string_view::npos) {
      refuse({.rule = JsonRule::known_escape, .at = start});
    }
    ++position_;
    return;
  }
  ++position_;
  const char32_t unit = hex4(JsonRule::hex_digits);
  if (unit < 0xd800 || unit > 0xdfff) return;
  if (unit <= 0xdbff && text_.substr(position_, 2) == "\\u") {
    position_ += 2;
    const char32_t low = hex4(JsonRule::low_hex_digits);
    if (low >= 0xdc00 && low <= 0xdfff) return;
  }
  refuse({.rule = JsonRule::pairs, .at = start});
}

std::string_view JsonScanner::raw_string() {
  const std::size_t start = ++position_;
  for (;;) {
    while (!ended() && is_itself(text_[position_])) ++position_;
    if (ended()) refuse_here(JsonRule::closing_quote);
    const char c = text_[position_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) refuse_here(JsonRule::no_control_character);
    if (c == '\\') {
      check_escape();
    } else if (!breaches_) {
      ++position_;
    } else {
      const auto [code_point, length] = utf8::decode(text_.substr(position_));
      if (code_point == utf8::invalid) refuse_here(JsonRule::utf8);
      position_ += length;
    }
  }
  return text_.substr(start, position_++ - start);
}

std::string JsonScanner::string() {
  skip_space();
  if (at() != '"') refuse_here(JsonRule::string);
  std::string text;
  append_unescaped(text, raw_string());
  return text;
}

std::string_view JsonScanner::number() {
  skip_space();
  const std::size_t start = position_;
  const auto digits = [this](JsonRule rule = JsonRule::digit) {
    if (!is_digit(at())) refuse_here(rule);
    while (is_digit(at())) ++position_;
  };
  if (at() == '-') ++position_;
  if (at() == '0') {
    ++position_;
    if (is_digit(at())) refuse_here(JsonRule::no_leading_zero);
  } else {
    digits(JsonRule::first_digit);
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
  const auto refuse_value = [this, what, start](std::string got) {
    fail(start, std::string{what} + " as a whole number from 0 to 2^64-1, digits only", std::move(got));
  };
  if (peek() != JsonKind::number) refuse_value(shown(start));
  const std::string_view text = number();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    refuse_value("'" + printable(text, 2 * shown_bytes) + "'");
  }
  return value;
}

void JsonScanner::literal(std::string_view word) {
  if (!text_.substr(position_).starts_with(word)) refuse_here(JsonRule::value);
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

std::string_view JsonScanner::skip() {
  const JsonKind kind = peek();
  const std::size_t start = position_;
  switch (kind) {
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
  return text_.substr(start, position_ - start);
}

void JsonScanner::finish() {
  skip_space();
  if (!ended()) refuse_here(JsonRule::one_value);
}

}  // namespace ditmill::registry

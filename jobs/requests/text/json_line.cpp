#include "jobs/requests/text/json_line.h"

#include <algorithm>
#include <set>

#include "configs/error.h"
#include "configs/number_text.h"
#include "configs/utf8.h"

namespace ditmill::jobs::requests {
namespace {

constexpr int max_depth = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The four digits of a \u escape.
std::optional<char32_t> hex4(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  char32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_value(digits[i]);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

bool is_high_surrogate(char32_t c) { return c >= 0xd800 && c <= 0xdbff; }
bool is_low_surrogate(char32_t c) { return c >= 0xdc00 && c <= 0xdfff; }

class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  std::optional<JsonFault> object_line(std::vector<JsonField>& fields) {
    skip_space();
    if (at_end() || peek() != '{') return fault("expected a JSON object, {...}");
    if (!object(0, &fields)) return fault_;
    skip_space();
    if (!at_end()) return fault("text after the JSON object");
    return std::nullopt;
  }

 private:
  bool at_end() const { return at_ >= line_.size(); }
  char peek() const { return line_[at_]; }
  JsonFault fault(std::string message) const { return {.offset = at_, .message = std::move(message)}; }
  void skip_space() {
    while (!at_end() && is_space(peek())) ++at_;
  }

  bool fail(std::string message) {
    fault_ = fault(at_end() ? "the line ends within its JSON object" : std::move(message));
    return false;
  }
  bool fail_at(std::size_t offset, std::string message) {
    fault_ = {.offset = offset, .message = std::move(message)};
    return false;
  }

  /// At '{'. Fields go to `fields` if it is not null.
  bool object(int depth, std::vector<JsonField>* fields) {
    if (depth >= max_depth) return fail("JSON nested deeper than 64 levels");
    ++at_;
    std::set<std::string> keys;
    skip_space();
    if (!at_end() && peek() == '}') return ++at_, true;
    while (true) {
      skip_space();
      JsonField field;
      field.key_offset = at_;
      if (at_end() || peek() != '"') return fail("expected a key in double quotes");
      if (!string()) return false;
      field.raw_key = line_.substr(field.key_offset, at_ - field.key_offset);
      field.key = json_text(field.raw_key);
      if (!keys.insert(field.key).second) {
        return fail_at(field.key_offset, "the key " + printable(field.key) + " is there twice");
      }
      skip_space();
      if (at_end() || peek() != ':') return fail("expected : after the key " + printable(field.key));
      ++at_;
      skip_space();
      field.value_offset = at_;
      if (!value(depth + 1, field.kind)) return false;
      field.raw = line_.substr(field.value_offset, at_ - field.value_offset);
      if (fields != nullptr) fields->push_back(std::move(field));
      skip_space();
      if (!at_end() && peek() == '}') return ++at_, true;
      if (at_end() || peek() != ',') return fail("expected , or } after a value");
      ++at_;
    }
  }

  bool array(int depth) {
    if (depth >= max_depth) return fail("JSON nested deeper than 64 levels");
    ++at_;
    skip_space();
    if (!at_end() && peek() == ']') return ++at_, true;
    while (true) {
      skip_space();
      JsonKind kind{};
      if (!value(depth + 1, kind)) return false;
      skip_space();
      if (!at_end() && peek() == ']') return ++at_, true;
      if (at_end() || peek() != ',') return fail("expected , or ] after a value");
      ++at_;
    }
  }

  bool value(int depth, JsonKind& kind) {
    if (at_end()) return fail({});
    switch (peek()) {
      case '{':
        kind = JsonKind::object;
        return object(depth, nullptr);
      case '[':
        kind = JsonKind::array;
        return array(depth);
      case '"':
        kind = JsonKind::string;
        return string();
      case 't':
        kind = JsonKind::boolean;
        return word("true");
      case 'f':
        kind = JsonKind::boolean;
        return word("false");
      case 'n':
        kind = JsonKind::null;
        return word("null");
      default:
        return number(kind);
    }
  }

  bool word(std::string_view text) {
    if (line_.substr(at_, text.size()) != text) return fail("not a JSON value");
    at_ += text.size();
    return true;
  }

  bool digits() {
    if (at_end() || !is_digit(peek())) return fail("expected a digit");
    while (!at_end() && is_digit(peek())) ++at_;
    return true;
  }

  bool number(JsonKind& kind) {
    const std::size_t start = at_;
    kind = JsonKind::integer;
    if (peek() == '-') ++at_;
    if (at_end() || !is_digit(peek())) {
      at_ = start;
      return fail("not a JSON value");
    }
    if (peek() == '0' && at_ + 1 < line_.size() && is_digit(line_[at_ + 1])) {
      return fail("a number with a leading zero");
    }
    if (!digits()) return false;
    if (!at_end() && peek() == '.') {
      kind = JsonKind::real;
      ++at_;
      if (!digits()) return false;
    }
    if (!at_end() && (peek() == 'e' || peek() == 'E')) {
      kind = JsonKind::real;
      ++at_;
      if (!at_end() && (peek() == '+' || peek() == '-')) ++at_;
      if (!digits()) return false;
    }
    return true;
  }

  bool string() {
    ++at_;
    while (!at_end()) {
      const auto byte = static_cast<unsigned char>(peek());
      if (byte == '"') return ++at_, true;
      if (byte < 0x20) return fail("a control character within a string: write it as an escape");
      if (byte == '\\') {
        if (!escape()) return false;
      } else if (byte < 0x80) {
        ++at_;
      } else {
        const auto [code_point, length] = utf8::decode(line_.substr(at_));
        if (code_point == utf8::invalid) return fail("not UTF-8");
        at_ += length;
      }
    }
    return fail({});
  }

  bool escape() {
    const std::size_t start = at_++;
    if (at_end()) return fail({});
    if (peek() != 'u') {
      if (std::string_view{"\"\\/bfnrt"}.find(peek()) == std::string_view::npos) {
        return fail_at(start, "an escape that JSON does not have");
      }
      ++at_;
      return true;
    }
    const std::optional<char32_t> first = hex4(line_.substr(++at_));
    if (!first) return fail_at(start, "\\u without four hexadecimal digits");
    at_ += 4;
    if (is_low_surrogate(*first)) return fail_at(start, "half of a surrogate pair");
    if (!is_high_surrogate(*first)) return true;
    const bool escaped = line_.substr(at_, 2) == "\\u";
    const std::optional<char32_t> second = escaped ? hex4(line_.substr(at_ + 2)) : std::nullopt;
    if (!second || !is_low_surrogate(*second)) return fail_at(start, "half of a surrogate pair");
    at_ += 6;
    return true;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  JsonFault fault_;
};

}  // namespace

std::string_view describe(JsonKind kind) noexcept {
  switch (kind) {
    case JsonKind::string:
      return "a string";
    case JsonKind::integer:
      return "a whole number";
    case JsonKind::real:
      return "a number with a fraction or exponent";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::null:
      return "null";
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "an array";
  }
  return {};
}

std::optional<JsonFault> parse_json_line(std::string_view line, std::vector<JsonField>& fields) {
  fields.clear();
  return Scanner{line}.object_line(fields);
}

std::string json_text(std::string_view raw) {
  std::string text;
  text.reserve(raw.size() - 2);
  const std::size_t end = raw.size() - 1;
  for (std::size_t at = 1; at < end;) {
    if (raw[at] != '\\') {
      text += raw[at++];
      continue;
    }
    const char kind = raw[at + 1];
    at += 2;
    if (kind != 'u') {
      static constexpr std::string_view names = "bfnrt";
      static constexpr std::string_view values = "\b\f\n\r\t";
      const std::size_t found = names.find(kind);
      text += found == std::string_view::npos ? kind : values[found];
      continue;
    }
    char32_t code_point = hex4(raw.substr(at)).value_or(0xfffd);
    at += 4;
    if (is_high_surrogate(code_point)) {
      code_point =
          0x10000 + ((code_point - 0xd800) << 10) + (hex4(raw.substr(at + 2)).value_or(0xdc00) - 0xdc00);
      at += 6;
    }
    utf8::append(text, code_point);
  }
  return text;
}

void append_compact(std::string& out, std::string_view raw) {
  bool within_string = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!within_string && is_space(raw[i])) continue;
    out += raw[i];
    if (raw[i] == '"') {
      within_string = !within_string;
    } else if (within_string && raw[i] == '\\') {
      out += raw[++i];
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view hex = "0123456789abcdef";
  static constexpr std::string_view plain = "\b\f\n\r\t\"\\";
  static constexpr std::string_view letters = "bfnrt\"\\";
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, copied, i - copied);
    copied = i + 1;
    if (const std::size_t known = plain.find(text[i]); known != std::string_view::npos) {
      out += {'\\', letters[known]};
    } else {
      out += "\\u00";
      out += {hex[byte >> 4], hex[byte & 15]};
    }
  }
  out.append(text, copied);
  out += '"';
}

}  // namespace ditmill::jobs::requests

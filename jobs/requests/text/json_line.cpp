#include "jobs/requests/text/json_line.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/hex.h"
#include "registry/formats/json_scanner.h"
#include "registry/formats/json_string.h"

namespace ditmill::jobs::requests {
namespace {

using registry::JsonBreach;
using registry::JsonRule;
using registry::JsonScanner;

/// What a breach is called, for people who write prompt lists by hand.
std::string_view fault_text(JsonRule rule) {
  switch (rule) {
    case JsonRule::utf8:
      return "not UTF-8";
    case JsonRule::depth:
      return "JSON nested deeper than 64 levels";
    case JsonRule::object:
      return "expected a JSON object, {...}";
    case JsonRule::key:
      return "expected a key in double quotes";
    case JsonRule::comma_in_object:
      return "expected , or } after a value";
    case JsonRule::comma_in_array:
      return "expected , or ] after a value";
    case JsonRule::no_control_character:
      return "a control character within a string: write it as an escape";
    case JsonRule::known_escape:
      return "an escape that JSON does not have";
    case JsonRule::hex_digits:
      return "\\u without four hexadecimal digits";
    case JsonRule::low_hex_digits:
    case JsonRule::pairs:
      return "half of a surrogate pair";
    case JsonRule::digit:
      return "expected a digit";
    case JsonRule::no_leading_zero:
      return "a number with a leading zero";
    case JsonRule::one_value:
      return "text after the JSON object";
    default:
      return "not a JSON value";
  }
}

/// Where a person looks for it: at the beginning of the escape or number.
std::size_t place_of(const JsonBreach& breach, std::string_view line) {
  switch (breach.rule) {
    case JsonRule::hex_digits:
      return breach.at - std::string_view{"\\u"}.size();
    case JsonRule::low_hex_digits:
      return breach.at - std::string_view{"\\ud83d\\u"}.size();
    case JsonRule::first_digit:
    case JsonRule::no_leading_zero:
      return breach.at - 1;
    case JsonRule::known_escape:
      return breach.at + 1 == line.size() ? line.size() : breach.at;
    default:
      return breach.at;
  }
}

JsonFault fault_of(const JsonBreach& breach, const JsonScanner& scanner, std::string_view line) {
  const std::size_t at = place_of(breach, line);
  if (breach.rule == JsonRule::keys_once) {
    return {at, "the key " + printable(scanner.key_at(at)) + " is there twice"};
  }
  if (at >= line.size() && breach.rule != JsonRule::object) {
    return {at, "the line ends within its JSON object"};
  }
  if (breach.rule == JsonRule::colon) return {at, "expected : after the key " + printable(scanner.key())};
  return {at, std::string{fault_text(breach.rule)}};
}

JsonKind kind_of(registry::JsonKind kind, std::string_view raw) {
  switch (kind) {
    case registry::JsonKind::object:
      return JsonKind::object;
    case registry::JsonKind::array:
      return JsonKind::array;
    case registry::JsonKind::string:
      return JsonKind::string;
    case registry::JsonKind::number:
      return raw.find_first_of(".eE") == std::string_view::npos ? JsonKind::integer : JsonKind::real;
    case registry::JsonKind::boolean:
      return JsonKind::boolean;
    case registry::JsonKind::null:
      return JsonKind::null;
  }
  return JsonKind::null;
}

void read_fields(JsonScanner& scanner, std::vector<JsonField>& fields) {
  scanner.begin_object();
  while (scanner.next_member()) {
    JsonField field;
    field.key = scanner.key();
    field.raw_key = scanner.raw_key();
    field.key_offset = static_cast<std::size_t>(scanner.key_offset());
    field.value_offset = static_cast<std::size_t>(scanner.offset());
    const registry::JsonKind kind = scanner.peek();
    field.raw = scanner.skip();
    field.kind = kind_of(kind, field.raw);
    fields.push_back(std::move(field));
  }
  scanner.finish();
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

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
  JsonScanner scanner{line};
  try {
    read_fields(scanner, fields);
  } catch (const JsonBreach& breach) {
    return fault_of(breach, scanner, line);
  }
  return std::nullopt;
}

std::string json_text(std::string_view raw) {
  std::string text;
  registry::append_unescaped(text, raw.substr(1, raw.size() - 2));
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
      out += "\\u";
      append_hex(out, byte, 4);
    }
  }
  out.append(text, copied);
  out += '"';
}

void append_json_number(std::string& out, double number) { out += nlohmann::json(number).dump(); }

void append_json_number(std::string& out, std::int64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr);
}

}  // namespace ditmill::jobs::requests

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::requests {

enum class JsonKind { string, integer, real, boolean, null, object, array };
/// "a string", "a whole number", ...
std::string_view describe(JsonKind kind) noexcept;

/// A field of a JSON object: its key decoded, its value still as it was written.
struct JsonField {
  std::string key;
  std::string_view raw_key;    ///< with its quotes
  std::size_t key_offset = 0;  ///< bytes from the start of the line
  std::size_t value_offset = 0;
  JsonKind kind = JsonKind::null;
  std::string_view raw;  ///< the value's bytes, a slice of the line
};

/// What is wrong with a line of JSON, and at which of its bytes.
struct JsonFault {
  std::size_t offset = 0;
  std::string message;
};

/// Takes a line that holds one JSON object (RFC 8259) apart without building a tree: the top-level fields in
/// order, each value a slice that is known to be well-formed. Strict: UTF-8, no lone surrogates, no key
/// twice in the same object at any depth, at most 64 levels. Returns what is wrong, if anything is.
std::optional<JsonFault> parse_json_line(std::string_view line, std::vector<JsonField>& fields);

/// The text of a string that parse_json_line() accepted.
std::string json_text(std::string_view raw);
/// A value that parse_json_line() accepted, without the white space between its tokens: numbers keep all
/// digits.
void append_compact(std::string& out, std::string_view raw);
/// A text (UTF-8) as a JSON string, with its quotes: escaped where JSON must, byte for byte as nlohmann's
/// dump.
void append_json_string(std::string& out, std::string_view text);
/// A number as nlohmann's dump has it: 16.0.
void append_json_number(std::string& out, double number);
void append_json_number(std::string& out, std::int64_t number);

}  // namespace ditmill::jobs::requests

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

enum class JsonKind { object, array, string, number, boolean, null };

/// What strict JSON asks for and a text may lack.
enum class JsonRule {
  utf8,
  depth,
  value,
  object,
  array,
  string,
  key,
  keys_once,
  colon,
  comma_in_object,
  comma_in_array,
  closing_quote,
  no_control_character,
  known_escape,    ///< breached where the escape begins, as pairs
  hex_digits,      ///< breached where they should begin
  low_hex_digits,  ///< those of a pair's second half
  pairs,           ///< of surrogates
  first_digit,     ///< behind a minus
  digit,
  no_leading_zero,  ///< breached at the digit behind it
  one_value,
};

/// Which rule a text breaks, and at which of its bytes.
struct JsonBreach {
  JsonRule rule = JsonRule::value;
  std::size_t at = 0;
  std::size_t first = 0;  ///< of keys_once: the key that `at` repeats
};

/// Reads strict JSON (RFC 8259 and nothing beyond it) from left to right, a token at a time, without building
/// anything. Refused everywhere: bytes that are not UTF-8, lone surrogates, a key twice in one object in
/// any spelling, nesting over 64, a second value. Every refusal is an Error(bad_input) with the byte's
/// offset. Memory of its own: at most 12 bytes for a key of the objects that are open. Keeps a view of the
/// text, which is under 4 GiB.
class JsonScanner {
 public:
  /// `base` is the file offset of the text, `doing` and `file` go into errors. Checks that the text is UTF-8.
  JsonScanner(std::string_view text, std::string doing, std::string file, std::uint64_t base = 0);
  /// For a reader that words refusals itself: they are thrown as a JsonBreach, the first from left to right.
  explicit JsonScanner(std::string_view text);

  /// The kind of the next value; refuses what begins no value.
  JsonKind peek();
  /// File offset of the next token.
  std::uint64_t offset();

  void begin_object();
  /// Steps to the next member, past its key; false: the object has ended.
  bool next_member();
  /// The key of the member that next_member() stepped to, decoded; ask before reading its value.
  std::string key() const;
  /// The key whose opening quote is there.
  std::string key_at(std::size_t quote) const;
  /// As it is written, with its quotes.
  std::string_view raw_key() const noexcept { return text_.substr(key_, key_bytes_ + 2); }
  std::uint64_t key_offset() const noexcept { return base_ + key_; }

  void begin_array();
  /// Steps to the next element; false: the array has ended.
  bool next_element();
  /// How many elements an array of numbers has from here to its end, at most: to reserve for.
  std::size_t count_elements() const noexcept;

  std::string string();
  /// A whole number from 0 to 2^64-1, written with digits only; `what` names it in the refusal.
  std::uint64_t natural(std::string_view what);
  /// The text of a number.
  std::string_view number();
  bool boolean();
  void null();
  /// Checks a value of any kind and passes over it. Returns its bytes.
  std::string_view skip();
  /// Refuses anything but white space after the value.
  void finish();

  /// Throws Error(bad_input) at a file offset.
  [[noreturn]] void fail(std::uint64_t offset, std::string expected, std::string got, std::string tensor = {},
                         std::string hint = {}) const;
  /// The first bytes at a file offset, for a message.
  std::string shown(std::uint64_t offset) const;

 private:
  struct Level {
    std::size_t first_key;  ///< of its keys in keys_
    bool object;
    bool empty;
  };

  char at() const noexcept { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool ended() const noexcept { return position_ >= text_.size(); }
  void skip_space() noexcept;
  [[noreturn]] void refuse(JsonBreach breach) const;
  [[noreturn]] void refuse_here(JsonRule rule) const { refuse({.rule = rule, .at = position_}); }
  void enter(bool object);
  void leave();
  bool step(char close);
  /// The first key of the open objects that its object had before.
  std::optional<JsonBreach> repeated_key() const;
  /// Sorts the keys.
  std::optional<JsonBreach> repeated_of(std::span<std::uint32_t> keys) const;
  /// What is between the quotes.
  std::string_view raw_string();
  void check_escape();
  char32_t hex4(JsonRule rule);
  void literal(std::string_view word);

  std::string_view text_;
  std::string doing_;
  std::string file_;
  std::uint64_t base_ = 0;
  bool breaches_ = false;  ///< and UTF-8 is checked on the way
  std::size_t position_ = 0;
  std::size_t key_ = 0;        ///< where the current key's opening quote is
  std::size_t key_bytes_ = 0;  ///< between its quotes
  std::vector<Level> levels_;
  std::vector<std::uint32_t> keys_;  ///< opening quotes of the keys of all open objects
};

}  // namespace ditmill::registry

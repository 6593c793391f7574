#pragma once

#include <string>
#include <string_view>

#include "jobs/requests/text/counted_warnings.h"

namespace ditmill::jobs::requests {

/// Finds what prompts hold that would be settings, comments or records elsewhere, and is taken as text here:
/// a warning for the first of each kind, with the count. Cheap enough for every line of a million.
class OddPrompts {
 public:
  /// `file` names the list.
  OddPrompts(std::string file, CountedWarnings& warnings) : file_(std::move(file)), warnings_(&warnings) {}

  /// Of a prompt in any list: `--option`, `-s 20`, `<lora:...>`. `line` and `column` are its record's.
  void look_at(std::string_view prompt, int line, int column);
  /// Of a line of a .txt: a comment, a record of another format, a word for a missing value.
  void look_at_line(std::string_view text, int line);

 private:
  void warn(std::string_view kind, int line, int column, std::string message, std::string expected);

  std::string file_;
  CountedWarnings* warnings_;
};

/// Whether a text is nothing but a word that data frames write for a missing value: nan, None, <NA>, ...
bool is_missing_word(std::string_view text) noexcept;

}  // namespace ditmill::jobs::requests

#include "jobs/requests/text/odd_prompts.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/number_text.h"
#include "configs/shell_word.h"
#include "configs/text_encoding.h"
#include "jobs/requests/text/line_reader.h"

namespace ditmill::jobs::requests {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank_char(char c) { return c == ' ' || c == '\t'; }

/// How long the option is that begins at `at`, where a hyphen stands at the start of a word: "--steps",
/// "-s20",
/// "-s 20"; 0: none does.
std::size_t option_at(std::string_view text, std::size_t at) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  if (byte(at + 1) == '-') {
    std::size_t end = at + 2;
    while (is_letter(byte(end)) || is_digit(byte(end)) || byte(end) == '_' ||
           (byte(end) == '-' && is_letter(byte(end + 1))))
      ++end;
    const bool ends = end == text.size() || is_blank_char(text[end]) || text[end] == '=';
    return is_letter(byte(at + 2)) && ends ? end - at : 0;
  }
  if (!is_letter(byte(at + 1))) return 0;
  const std::size_t value = at + 2 + (byte(at + 2) == ' ' ? 1 : 0);
  return is_digit(byte(value)) ? 2 : 0;
}

/// The next option at or after `at`; npos: none.
std::size_t next_option(std::string_view text, std::size_t at) {
  while ((at = text.find('-', at)) != std::string_view::npos) {
    const bool begins = at == 0 || is_blank_char(text[at - 1]);
    if (begins && option_at(text, at) > 0) return at;
    at = text.find_first_not_of('-', at);
    if (at == std::string_view::npos) break;
  }
  return std::string_view::npos;
}

/// "--w, --h and --f": the options of a prompt, each once.
std::string options_of(std::string_view text) {
  std::vector<std::string> options;
  for (std::size_t at = 0; (at = next_option(text, at)) != std::string_view::npos;) {
    const std::size_t length = option_at(text, at);
    std::string option = printable(text.substr(at, length), max_shown);
    if (std::find(options.begin(), options.end(), option) == options.end())
      options.push_back(std::move(option));
    at += length;
  }
  std::string shown;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i > 0) shown += i + 1 == options.size() ? " and " : ", ";
    shown += options[i];
  }
  return shown + (options.size() == 1 ? " is" : " are");
}

bool starts_like(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

/// Whether the first line of a text is the header of a table.
bool is_header(std::string_view line) {
  const std::size_t end = line.find_first_of(",;\t");
  if (end == std::string_view::npos) return line == "prompt" || line == "prompts" || line == "caption";
  bool has_prompt = false;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t stop = std::min(line.find_first_of(",;\t", at), line.size());
    const std::string_view cell = line.substr(at, stop - at);
    if (cell.find(' ') != std::string_view::npos) return false;
    has_prompt = has_prompt || cell == "prompt" || cell == "caption" || cell == "text";
    at = stop + 1;
  }
  return has_prompt;
}

}  // namespace

bool is_missing_word(std::string_view text) noexcept {
  static constexpr std::array<std::string_view, 17> words{"nan",  "NaN",  "NAN",  "-nan", "-NaN", "null",
                                                          "NULL", "Null", "None", "NaT",  "<NA>", "NA",
                                                          "N/A",  "n/a",  "#N/A", "#NA",  "NONE"};
  return std::find(words.begin(), words.end(), text) != words.end();
}

void OddPrompts::warn(std::string_view kind, int line, int column, std::string message,
                      std::string expected) {
  warnings_->add({.file = file_,
                  .line = line,
                  .column = column,
                  .message = std::move(message),
                  .expected = std::move(expected)},
                 kind);
}

void OddPrompts::look_at(std::string_view prompt, int line, int column) {
  if (next_option(prompt, 0) != std::string_view::npos && !warnings_->count("options")) {
    warn("options", line, column, options_of(prompt) + " taken as part of the prompt, not as settings",
         R"(fields of a .jsonl, {"prompt": "a cat", "width": 832, "height": 480}, or columns of a .csv)");
  }
  if (prompt.find("<lora:") != std::string_view::npos && !warnings_->count("lora")) {
    warn("lora", line, column, "<lora:...> is taken as part of the prompt, and applies no LoRA",
         "a prompt without it");
  }
}

void OddPrompts::look_at_line(std::string_view text, int line) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return;
  const std::string_view word = text.substr(begin);
  const char first = word[0];
  const auto warn_here = [&](std::string_view kind, std::string message, std::string expected) {
    if (!warnings_->count(kind))
      warn(kind, line, column_at(text, begin), std::move(message), std::move(expected));
  };
  if (first == '#' || word.starts_with("//")) {
    const std::string mark = first == '#' ? "#" : "//";
    warn_here(mark, "a line that begins with " + mark + " is taken as a prompt: a .txt has no comments",
              "the line left out: grep -v '^[[:space:]]*" + mark + "' " + shell_word(file_) + " > " +
                  shell_word(beside_file(file_, "-clean")));
  } else if (first == '{' && word.ends_with('}') && word.find('"') != std::string_view::npos) {
    warn_here("json", "a JSON object is taken as a prompt, as it stands", "a list named .jsonl");
  } else if (line == 1 && is_header(word)) {
    warn_here("header", "the header of a table is taken as a prompt: " + printable(word, max_shown),
              "a list named .csv, or no header");
  } else if (starts_like(word, "negative prompt:") ||
             (starts_like(word, "steps:") && word.find(", ") != std::string_view::npos)) {
    warn_here("infotext", "a line of settings is taken as a prompt: " + printable(word, max_shown),
              "settings of an item in a .jsonl or .csv, those of all items in the manifest");
  } else if (is_missing_word(word)) {
    warn_here("missing",
              printable(word, max_shown) + ", which stands for a missing value, is taken as a prompt",
              "the line left out");
  }
}

}  // namespace ditmill::jobs::requests

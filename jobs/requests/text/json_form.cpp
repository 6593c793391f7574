#include "jobs/requests/text/json_form.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

#include "configs/other_names.h"
#include "configs/request.h"
#include "configs/shell_word.h"
#include "configs/text_encoding.h"
#include "jobs/requests/text/json_line.h"

namespace ditmill::jobs::requests {
namespace {

/// Walks through JSON that may be cut anywhere, and cares for no more than where values begin and end.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  /// The character that comes next, past white space; '\0' at the end.
  char peek() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) { return peek() == c && ++at_ != 0; }
  std::size_t at() const noexcept { return at_; }

  /// The key that comes next, with its colon.
  std::optional<std::string> key() {
    const std::string_view raw = value();
    if (!raw.starts_with('"') || raw.size() < 2 || !take(':')) return std::nullopt;
    return json_text(raw);
  }
  /// The value that comes next, to its end or that of the text.
  std::string_view value() {
    const char first = peek();
    const std::size_t begin = at_;
    int depth = 0;
    do {
      if (const char c = peek(); c == '"') {
        skip_string();
      } else {
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        if (depth == 0 && first != '{' && first != '[') {
          at_ = std::min(text_.find_first_of(" \t\r\n,:}]", at_), text_.size());
          break;
        }
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    at_ = std::min(at_, text_.size());
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// What the record that comes next calls its prompt.
std::string prompt_of(Walk walk) {
  std::string found;
  if (!walk.take('{')) return found;
  do {
    const std::optional<std::string> key = walk.key();
    if (!key) break;
    const bool is_text = walk.peek() == '"';
    walk.value();
    if (is_text && *key == "prompt") return *key;
    if (is_text && found.empty() && configs::is_called_prompt(*key)) found = *key;
  } while (walk.take(','));
  return found;
}

/// Whether what comes next is {"0": ...}: a column of a data frame.
bool is_column(Walk walk) {
  if (!walk.take('{')) return false;
  const std::optional<std::string> key = walk.key();
  return key == "0" && walk.peek() != '{';
}

JsonShape shape_of_list(Walk walk, std::string key) {
  walk.take('[');
  if (walk.peek() == '"') return {.form = JsonForm::texts, .key = std::move(key)};
  if (walk.peek() != '{') return {};
  return {.form = JsonForm::array, .key = std::move(key), .prompt = prompt_of(walk)};
}

/// Whether {key: "..."} is likely a prompt under its id, and not a record that lacks one.
bool is_text_by_id(const std::string& key, std::string_view raw) {
  return raw.find(' ') != std::string_view::npos && !configs::setting_called(key);
}

/// Of an object without a prompt of its own.
JsonShape shape_of_container(Walk walk) {
  walk.take('{');
  std::string prompt_column;
  bool first = true;
  do {
    const std::optional<std::string> key = walk.key();
    if (!key) break;
    const bool is_called_so = configs::is_called_prompt(*key) || *key == "prompts";
    if (walk.peek() == '[') {
      JsonShape shape = shape_of_list(walk, *key);
      if (shape.form == JsonForm::array ? !shape.prompt.empty() : is_called_so) return shape;
    } else if (is_column(walk)) {
      if (*key == "prompt" || (prompt_column.empty() && is_called_so)) prompt_column = *key;
    } else if (std::string prompt = prompt_of(walk); first && !prompt.empty()) {
      return {.form = JsonForm::by_id, .key = *key, .prompt = std::move(prompt)};
    } else if (first && walk.peek() == '"' && is_text_by_id(*key, Walk{walk}.value())) {
      return {.form = JsonForm::texts_by_id, .key = *key};
    }
    first = false;
    walk.value();
  } while (walk.take(','));
  if (prompt_column.empty()) return {};
  return {.form = JsonForm::columns, .prompt = std::move(prompt_column)};
}

JsonShape shape_of_object(Walk walk) {
  std::string prompt = prompt_of(walk);
  if (prompt.empty()) return shape_of_container(walk);
  const bool in_a_line = walk.value().find('\n') == std::string_view::npos;
  return {.form = in_a_line ? JsonForm::lines : JsonForm::objects, .prompt = std::move(prompt)};
}

/// A text as an operand of jq and of Python: both read JSON's strings of ASCII and UTF-8.
std::string as_operand(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// What jq does with each record: its prompt renamed, if it has another name.
std::string renamed_by_jq(const std::string& prompt) {
  if (prompt.empty() || prompt == "prompt") return "";
  const std::string field = "." + as_operand(prompt);
  return " | {prompt: " + field + "} + del(" + field + ")";
}

std::string jq_filter(const JsonShape& shape) {
  const std::string list = shape.key.empty() ? ".[]" : "." + as_operand(shape.key) + "[]";
  const std::string id = configs::is_id(shape.key) ? "id" : "key";
  switch (shape.form) {
    case JsonForm::array:
      return list + renamed_by_jq(shape.prompt);
    case JsonForm::texts:
      return list + " | {prompt: .}";
    case JsonForm::by_id:
      return "to_entries[] | {" + id + ": .key} + .value" + renamed_by_jq(shape.prompt);
    case JsonForm::texts_by_id:
      return "to_entries[] | {" + id + ": .key, prompt: .value}";
    case JsonForm::columns:
      return ". as $t | ." + as_operand(shape.prompt) + " | keys_unsorted[] as $k | $t | map_values(.[$k])" +
             renamed_by_jq(shape.prompt);
    default: {
      const std::string renamed = renamed_by_jq(shape.prompt);
      return renamed.empty() ? "." : renamed.substr(3);
    }
  }
}

/// The same in Python: what is written of each record, and where records come from.
std::string python_of(const JsonShape& shape) {
  const std::string prompt = shape.prompt.empty() ? "prompt" : shape.prompt;
  const std::string record =
      prompt == "prompt" ? "r" : "{\"prompt\": r.pop(" + as_operand(prompt) + "), **r}";
  const std::string list = shape.key.empty() ? "d" : "d[" + as_operand(shape.key) + "]";
  const std::string id = configs::is_id(shape.key) ? "id" : "key";
  const auto whole = [](const std::string& each, const std::string& from) {
    return "d = json.load(open(0, encoding=\"utf-8-sig\")); [print(json.dumps(" + each + ")) for " + from +
           "]";
  };
  switch (shape.form) {
    case JsonForm::lines:
      return "[print(json.dumps(" + record +
             ")) for r in map(json.loads, filter(str.strip, open(0, encoding=\"utf-8-sig\")))]";
    case JsonForm::array:
      return whole(record, "r in " + list);
    case JsonForm::texts:
      return whole("{\"prompt\": r}", "r in " + list);
    case JsonForm::by_id:
      return whole("{\"" + id + "\": k, **" + record + "}", "k, r in d.items()");
    case JsonForm::texts_by_id:
      return whole("{\"" + id + "\": k, \"prompt\": r}", "k, r in d.items()");
    case JsonForm::columns:
      return whole("{(\"prompt\" if c == " + as_operand(prompt) + " else c): v[k] for c, v in d.items()}",
                   "k in d[" + as_operand(prompt) + "]");
    default:
      return "";
  }
}

std::string in_and_out(const std::string& file) {
  const std::string new_file = beside_file(file, file.ends_with(".jsonl") ? "-lines" : "", ".jsonl");
  return shell_word(file) + " > " + shell_word(new_file);
}

std::string by_python(const std::string& modules, const std::string& code, const std::string& file) {
  return "python3 -c " + shell_word("import " + modules + "; " + code) + " < " + in_and_out(file);
}

std::string by_jq(const std::string& filter, const std::string& file) {
  return "jq -c " + shell_word(filter) + " " + in_and_out(file);
}

std::string_view describe(JsonForm form) {
  switch (form) {
    case JsonForm::array:
    case JsonForm::texts:
      return "one JSON array";
    case JsonForm::objects:
      return "JSON objects of several lines";
    case JsonForm::columns:
      return "a data frame by columns";
    default:
      return "one JSON object";
  }
}

}  // namespace

std::string beginning_of(const registry::ByteSource& file) {
  constexpr std::uint64_t enough = std::uint64_t{1} << 20;
  std::string text(static_cast<std::size_t>(std::min(file.size(), enough)), '\0');
  file.read_at(0, std::as_writable_bytes(std::span{text}));
  return text;
}

JsonShape json_shape(std::string_view beginning) {
  if (beginning.starts_with("\xef\xbb\xbf")) beginning.remove_prefix(3);
  Walk walk{beginning};
  const char first = walk.peek();
  if (first == '[') return shape_of_list(walk, "");
  return first == '{' ? shape_of_object(walk) : JsonShape{};
}

std::string remedy_for(const JsonShape& shape, const std::string& file) {
  std::string text = "a JSON object a line, not " + std::string{describe(shape.form)} + ": ";
  if (shape.form == JsonForm::lines && shape.prompt == "prompt") {
    return "its lines of JSON in a .jsonl: mv " + shell_word(file) + " " +
           shell_word(beside_file(file, "", ".jsonl"));
  }
  if (shape.form == JsonForm::lines) text = "a .jsonl with a field prompt: ";
  text += by_jq(jq_filter(shape), file);
  if (const std::string code = python_of(shape); !code.empty()) {
    text += "; or without jq: " + by_python("json", code, file);
  }
  return text;
}

std::optional<JsonCure> cure_of(std::string_view line, std::size_t offset, const std::string& file) {
  const std::string_view rest = line.substr(std::min(offset, line.size()));
  const auto begins = [rest](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [rest](std::string_view word) { return rest.starts_with(word); });
  };
  static const std::string lines_of_file = "in open(0, encoding=\"utf-8-sig\") if l.strip()]";
  if (begins({"NaN", "Infinity", "-Infinity"})) {
    return JsonCure{"NaN and Infinity are not JSON",
                    "null, or the field left out: " +
                        by_python("json",
                                  "[print(json.dumps(json.loads(l, parse_constant=lambda c: None))) for l " +
                                      lines_of_file,
                                  file)};
  }
  if (begins({"'", "True", "False", "None"})) {
    return JsonCure{
        "this is Python's way to write an object, not JSON",
        "JSON: " + by_python("ast, json",
                             "[print(json.dumps(ast.literal_eval(l.strip()))) for l " + lines_of_file, file)};
  }
  if (begins({"\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab"})) {
    return JsonCure{"a curly quote", "straight quotes: \""};
  }
  const std::size_t before = line.substr(0, offset).find_last_not_of(" \t");
  if (before == std::string_view::npos) return std::nullopt;
  if (rest.starts_with('}') && line[before] == ',') return JsonCure{"a comma before }", "no comma there"};
  if (rest.starts_with(',') && line[before] == '}') {
    return JsonCure{"a comma after the JSON object", "none: sed 's/},[[:space:]]*$/}/' " + in_and_out(file)};
  }
  return std::nullopt;
}

}  // namespace ditmill::jobs::requests

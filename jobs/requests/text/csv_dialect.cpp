#include "jobs/requests/text/csv_dialect.h"

#include <algorithm>

#include "configs/other_names.h"
#include "configs/shell_word.h"
#include "configs/text_encoding.h"

namespace ditmill::jobs::requests {
namespace {

/// Whether a line, cut at a character, names a column that is the prompt, or goes by as much elsewhere.
bool names_a_prompt(std::string_view line, char separator) {
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(separator, at), line.size());
    std::string_view cell = line.substr(at, end - at);
    if (cell.size() > 1 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
    if (cell == "prompt" || configs::is_called_prompt(cell)) return true;
    at = end + 1;
  }
  return false;
}

std::string name_of(char separator) {
  return separator == '\t' ? "tabs" : separator == ';' ? "semicolons" : std::string{"'"} + separator + "'";
}

std::string python_of(char separator) {
  const std::string shown = separator == '\t' ? "\\t" : std::string{separator};
  return "python3 -c " +
         shell_word(
             "import csv, sys; csv.writer(sys.stdout, lineterminator=\"\\n\").writerows(csv.reader(open(0, "
             "encoding=\"utf-8-sig\", newline=\"\"), delimiter=\"" +
             shown + "\"))");
}

std::string new_file(const std::string& file) {
  return " > " + shell_word(beside_file(file, file.ends_with(".csv") ? "-commas" : "", ".csv"));
}

}  // namespace

std::string with_commas(char separator, const std::string& file) {
  return python_of(separator) + " < " + shell_word(file) + new_file(file);
}

std::optional<CsvDialect> other_dialect(std::string_view line, const std::string& file) {
  if (line.size() == 5 && line.starts_with("sep=")) {
    const std::string rest = "tail -n +2 " + shell_word(file);
    return CsvDialect{.message = "Excel's " + std::string{line} + " is no header",
                      .remedy = "a table that begins with its header: " + rest +
                                (line[4] == ',' ? "" : " | " + python_of(line[4])) + new_file(file)};
  }
  if (names_a_prompt(line, ',')) return std::nullopt;
  for (const char separator : {';', '\t', '|'}) {
    if (line.find(separator) == std::string_view::npos || !names_a_prompt(line, separator)) continue;
    return CsvDialect{.message = "the columns are separated by " + name_of(separator),
                      .remedy = "commas: " + with_commas(separator, file)};
  }
  return std::nullopt;
}

}  // namespace ditmill::jobs::requests

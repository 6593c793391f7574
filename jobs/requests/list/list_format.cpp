#include "jobs/requests/list/list_format.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "configs/shell_word.h"
#include "configs/text_encoding.h"
#include "jobs/requests/text/csv_dialect.h"
#include "jobs/requests/text/json_form.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::requests {
namespace {

std::string ending_of(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ending;
}

template <std::size_t N>
bool is_one_of(std::string_view ending, const std::array<std::string_view, N>& endings) {
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

std::string renamed(const std::string& path) {
  return "mv " + shell_word(path) + " " + shell_word(beside_file(path, "", ".jsonl"));
}

std::string remedy_for_json(const std::string& path) {
  const std::string lines = "a .jsonl, with a JSON object such as {\"prompt\": \"a cat\"} a line";
  try {
    const JsonShape shape = json_shape(beginning_of(*registry::open_file(path)));
    if (shape.form != JsonForm::unknown) return remedy_for(shape, path);
  } catch (const Error&) {
    // What cannot be read is said once it has the right ending.
  }
  return lines;
}

}  // namespace

std::optional<ListFormat> format_named(const std::string& path) {
  const std::string ending = ending_of(path);
  if (ending == ".txt") return ListFormat::text;
  if (ending == ".jsonl") return ListFormat::json_lines;
  if (ending == ".csv") return ListFormat::csv;
  return std::nullopt;
}

std::string remedy_for_ending(const std::string& path) {
  static constexpr std::array<std::string_view, 4> lines{".ndjson", ".jsonlines", ".ldjson", ".jl"};
  static constexpr std::array<std::string_view, 4> sheets{".xlsx", ".xls", ".ods", ".numbers"};
  static constexpr std::array<std::string_view, 6> frames{".parquet", ".feather", ".arrow",
                                                          ".pkl",     ".pickle",  ".npy"};
  static constexpr std::array<std::string_view, 4> packed{".bz2", ".xz", ".zst", ".zip"};
  const std::string ending = ending_of(path);
  if (ending == ".json") return remedy_for_json(path);
  if (is_one_of(ending, lines)) return "its lines of JSON in a .jsonl: " + renamed(path);
  if (ending == ".tsv" || ending == ".tab") return "commas and not tabs: " + with_commas('\t', path);
  if (ending == ".gz") return "the list unpacked: gunzip -k " + shell_word(path);
  if (is_one_of(ending, packed)) return "the list unpacked";
  if (is_one_of(ending, sheets)) return "the sheet saved as CSV UTF-8, with commas";
  if (is_one_of(ending, frames)) return "the table written as .csv, or as .jsonl: a JSON object a line";
  if (ending == ".yaml" || ending == ".yml") return "its items under requests.items of the manifest";
  return std::string{list_endings};
}

}  // namespace ditmill::jobs::requests

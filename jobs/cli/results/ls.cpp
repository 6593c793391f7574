#include "jobs/cli/results/ls.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "configs/error.h"
#include "jobs/results/listing/require_run.h"
#include "jobs/watch/status/status_json.h"

namespace ditmill::jobs::cli {
namespace {

using nlohmann::json;

constexpr std::size_t columns = 6;
using Row = std::array<std::string, columns>;
const Row heading{"id", "state", "size", "frames", "seconds", "part"};

std::string decimal(double seconds) {
  std::array<char, 64> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), seconds, std::chars_format::fixed, 1);
  return {buffer.data(), result.ptr};
}

Row row_of(const results::ListedItem& item) {
  return {item.id,
          std::string(name(item.outcome)),
          std::to_string(item.width) + "x" + std::to_string(item.height),
          std::to_string(item.frames),
          item.seconds > 0 ? decimal(item.seconds) : "-",
          item.reason.empty() ? item.part : printable(item.reason, 100)};
}

void write_table(const std::vector<results::ListedItem>& items, std::ostream& out) {
  std::array<std::size_t, columns> widths{};
  const auto widen = [&widths](const Row& row) {
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  };
  widen(heading);
  for (const results::ListedItem& item : items) widen(row_of(item));
  const auto print = [&](const Row& row) {
    std::string text;
    for (std::size_t i = 0; i + 1 < columns; ++i)
      text += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += row.back();
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << "\n";
  };
  print(heading);
  std::map<results::ItemOutcome, std::size_t> counts;
  for (const results::ListedItem& item : items) {
    print(row_of(item));
    ++counts[item.outcome];
  }
  out << items.size() << " items";
  for (const auto& [outcome, count] : counts) out << ", " << count << " " << name(outcome);
  out << "\n";
}

json to_json(const results::ListedItem& item, const json& request) {
  return {{"id", item.id},
          {"key", item.key},
          {"state", name(item.outcome)},
          {"prompt", request.value("prompt", json())},
          {"seed", request.value("seed", json())},
          {"width", item.width},
          {"height", item.height},
          {"frames", item.frames},
          {"attempts", item.attempts},
          {"seconds", item.seconds > 0 ? json(item.seconds) : json()},
          {"part", watch::text_or_null(item.part)},
          {"content", watch::text_or_null(item.content)},
          {"reason", watch::text_or_null(item.reason)}};
}

/// As nlohmann's dump(2) of the whole array.
void write_array(const results::RunDirectory& run, const results::JournalState& journals, std::ostream& out) {
  bool first = true;
  results::for_each_line(run, journals, [&](results::ListedItem&& item, const json& line) {
    std::string text = to_json(item, line.at("request")).dump(2, ' ', false, json::error_handler_t::replace);
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
      text.insert(at + 1, "  ");
    out << (first ? "[\n  " : ",\n  ") << text;
    first = false;
  });
  out << (first ? "[]\n" : "\n]\n");
}

}  // namespace

results::ResultsOutput results_ls(const std::string& run_directory, bool as_json, std::ostream& out) {
  if (!as_json) {
    const results::ResultsRun run(run_directory);
    write_table(run.items(), out);
    return {.text = {}, .notes = run.notes()};
  }
  const results::RunDirectory run{run_directory};
  results::require_run(run, "read the items of a run");
  const results::JournalState journals = results::read_journals(run);
  write_array(run, journals, out);
  return {.text = {}, .notes = results::notes_of(journals.reports)};
}

}  // namespace ditmill::jobs::cli

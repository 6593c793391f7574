#include "jobs/cli/results/ls.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::jobs {
namespace {

using nlohmann::json;

constexpr std::size_t columns = 6;
using Row = std::array<std::string, columns>;
const Row heading{"id", "state", "size", "frames", "seconds", "part"};

std::string decimal(double seconds) {
  std::array<char, 64> buffer;
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), seconds, std::chars_format::fixed, 1);
  return {buffer.data(), result.ptr};
}

Row row_of(const ListedItem& item) {
  return {item.id,
          std::string(name(item.outcome)),
          std::to_string(item.width) + "x" + std::to_string(item.height),
          std::to_string(item.frames),
          item.seconds > 0 ? decimal(item.seconds) : "-",
          item.reason.empty() ? item.part : printable(item.reason, 100)};
}

std::string table_of(const std::vector<ListedItem>& items) {
  std::array<std::size_t, columns> widths{};
  const auto widen = [&widths](const Row& row) {
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  };
  widen(heading);
  for (const ListedItem& item : items) widen(row_of(item));
  std::string text;
  const auto print = [&](const Row& row) {
    for (std::size_t i = 0; i + 1 < columns; ++i)
      text += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += row.back();
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  };
  print(heading);
  std::map<ItemOutcome, std::size_t> counts;
  for (const ListedItem& item : items) {
    print(row_of(item));
    ++counts[item.outcome];
  }
  text += std::to_string(items.size()) + " items";
  for (const auto& [outcome, count] : counts)
    text += ", " + std::to_string(count) + " " + std::string(name(outcome));
  return text + "\n";
}

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

json to_json(const ListedItem& item) {
  return {{"id", item.id},
          {"key", item.key},
          {"state", name(item.outcome)},
          {"width", item.width},
          {"height", item.height},
          {"frames", item.frames},
          {"attempts", item.attempts},
          {"seconds", item.seconds > 0 ? json(item.seconds) : json()},
          {"part", text_or_null(item.part)},
          {"content", text_or_null(item.content)},
          {"reason", text_or_null(item.reason)}};
}

}  // namespace

ResultsOutput results_ls(const std::string& run_directory, bool as_json) {
  const ResultsRun run(run_directory);
  if (!as_json) return {.text = table_of(run.items()), .notes = run.notes()};
  json list = json::array();
  for (const ListedItem& item : run.items()) list.push_back(to_json(item));
  return {.text = list.dump(2) + "\n", .notes = run.notes()};
}

}  // namespace ditmill::jobs

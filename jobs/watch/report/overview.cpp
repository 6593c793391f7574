#include "jobs/watch/report/overview.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/version.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;

constexpr std::size_t most_failures = 5'000;

/// A JSON file of the run; null if it is not there, or torn.
json read_json(const std::string& path) {
  try {
    json value = json::parse(results::durable::read_file(path), nullptr, false);
    return value.is_object() ? value : json();
  } catch (const Error& error) {
    if (error.category() != Category::not_found) throw;
    return {};
  }
}

struct End {
  std::string state;
  std::string reason;
  json exit;
};

End end_of(const Timeline& timeline, const results::RunDirectory& run) {
  if (timeline.epochs.empty()) return {"empty", "nothing has run yet", nullptr};
  const EpochFacts& newest = timeline.epochs.back();
  if (const std::optional<run::Outcome> outcome = run::outcome_of_epoch(run, newest.number)) {
    const int code = outcome->exit;
    const std::string state = code == 0 ? "done" : code == 75 ? "stopped" : code == 2 ? "failed" : "crashed";
    return {state, outcome->reason, code};
  }
  const std::string start = "start " + std::to_string(newest.number);
  if (newest.alive) return {"running", start + " is at work", nullptr};
  return {"crashed",
          start + " left no outcome: it was killed, or ended with an error that its log tells" +
              (newest.reason.empty() ? "" : " (" + newest.reason + ")"),
          nullptr};
}

json count_items(const std::vector<results::ListedItem>& items) {
  std::array<std::size_t, 4> counts{};
  for (const results::ListedItem& item : items) ++counts[static_cast<std::size_t>(item.outcome)];
  json count{{"items", items.size()}};
  for (const results::ItemOutcome outcome : {results::ItemOutcome::done, results::ItemOutcome::failed,
                                             results::ItemOutcome::quarantined, results::ItemOutcome::left}) {
    count[std::string(name(outcome))] = counts[static_cast<std::size_t>(outcome)];
  }
  return count;
}

/// A reason of the engine is "CLASS: what happened".
std::pair<std::string, std::string> class_and_words(const results::ListedItem& item) {
  const std::size_t colon = item.reason.find(": ");
  const std::string word = item.reason.substr(0, std::min(colon, item.reason.size()));
  const bool is_class = colon != std::string::npos && name(category_named(word)) == word;
  if (is_class) return {word, item.reason.substr(colon + 2)};
  return {std::string(name(item.outcome)), item.reason};
}

json list_failures(const std::vector<results::ListedItem>& items) {
  json rows = json::array();
  std::size_t left_out = 0;
  for (const results::ListedItem& item : items) {
    if (item.outcome != results::ItemOutcome::failed && item.outcome != results::ItemOutcome::quarantined)
      continue;
    if (rows.size() == most_failures) {
      ++left_out;
      continue;
    }
    const auto [word, reason] = class_and_words(item);
    rows.push_back({{"id", item.id},
                    {"state", name(item.outcome)},
                    {"class", word},
                    {"reason", printable(reason, 1000)},
                    {"attempts", item.attempts},
                    {"time", item.ended}});
  }
  return {{"rows", std::move(rows)}, {"left_out", left_out}};
}

json progress_of(const std::vector<results::ListedItem>& items) {
  std::vector<double> times;
  for (const results::ListedItem& item : items) {
    if (item.outcome == results::ItemOutcome::done) times.push_back(item.ended);
  }
  return progress_json(times);
}

std::string name_of(const std::string& path, const json& config) {
  if (config.is_object() && config.contains("name") && config["name"].is_string()) return config["name"];
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace

json report_overview(const results::ResultsRun& run, const Timeline& timeline, double now) {
  const results::RunDirectory& directory = run.directory();
  const json config = read_json(directory.config());
  const End end = end_of(timeline, directory);
  double active = timeline.end - timeline.begin;
  for (const Gap& gap : timeline.gaps) active -= gap.end - gap.begin;
  json epochs = json::array();
  for (const EpochFacts& epoch : timeline.epochs) epochs.push_back(to_json(epoch));
  json overview{{"name", name_of(directory.path(), config)},
                {"run", std::filesystem::absolute(directory.path()).lexically_normal().string()},
                {"version", version},
                {"generated", now},
                {"state", end.state},
                {"reason", end.reason},
                {"exit", end.exit},
                {"counts", count_items(run.items())},
                {"active_seconds", active},
                {"config", config},
                {"epochs", std::move(epochs)},
                {"timeline", to_json(timeline)},
                {"failures", list_failures(run.items())}};
  overview["timeline"]["progress"] = progress_of(run.items());
  return overview;
}

}  // namespace ditmill::jobs::watch

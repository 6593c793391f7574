#include "jobs/watch/report/overview.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/version.h"
#include "jobs/results/files/durable.h"

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

std::string reason_of(const Timeline& timeline) {
  const RunLife& life = timeline.life;
  if (life.epoch == 0) return "nothing has run yet";
  if (life.outcome) return life.outcome->reason;
  const std::string start = "start " + std::to_string(life.epoch);
  if (life.state == RunState::running) return start + " is at work";
  const std::string& last = timeline.epochs.back().reason;
  return start + " left no outcome: it was killed, or ended with an error that its log tells" +
         (last.empty() ? "" : " (" + last + ")");
}

json count_items(const std::vector<results::ListedItem>& items) {
  results::OutcomeCounts counts;
  for (const results::ListedItem& item : items) ++counts.of(item.outcome);
  return {{"items", items.size()},
          {"done", counts.done},
          {"failed", counts.failed},
          {"quarantined", counts.quarantined},
          {"left", counts.left}};
}

/// The class of a failure, and its reason without that word; without a class, what became of the item.
std::pair<std::string, std::string> class_and_words(const results::ListedItem& item) {
  if (!item.category) return {std::string(name(item.outcome)), item.reason};
  const std::string word(name(*item.category));
  const bool begins_so = item.reason.starts_with(word + ": ");
  return {word, begins_so ? item.reason.substr(word.size() + 2) : item.reason};
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

/// How weights were loaded at the last start that loaded any; null: none did, or it was before that was kept.
json last_loading(const results::RunDirectory& run, int epoch) {
  for (; epoch > 0; --epoch) {
    if (json loading = read_json(run.loading(epoch)); !loading.is_null()) return loading;
  }
  return {};
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
  const RunLife& life = timeline.life;
  double active = timeline.end - timeline.begin;
  for (const Gap& gap : timeline.gaps) active -= gap.end - gap.begin;
  json epochs = json::array();
  for (const EpochFacts& epoch : timeline.epochs) epochs.push_back(to_json(epoch));
  json overview{{"name", name_of(directory.path(), config)},
                {"run", std::filesystem::absolute(directory.path()).lexically_normal().string()},
                {"version", version},
                {"generated", now},
                {"state", report_word(life)},
                {"reason", reason_of(timeline)},
                {"exit", life.outcome ? json(life.outcome->exit) : json()},
                {"counts", count_items(run.items())},
                {"active_seconds", active},
                {"config", config},
                {"epochs", std::move(epochs)},
                {"loading", last_loading(directory, life.epoch)},
                {"timeline", to_json(timeline)},
                {"failures", list_failures(run.items())}};
  overview["timeline"]["progress"] = progress_of(run.items());
  return overview;
}

}  // namespace ditmill::jobs::watch

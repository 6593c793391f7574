#include "jobs/run/crashes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "configs/number_text.h"
#include "dist/liveness/rank_state.h"
#include "registry/digest.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;

/// 7 of e0007.
std::optional<int> epoch_of(const std::string& folder) {
  return folder.starts_with("e") ? number_from_text<int>(std::string_view{folder}.substr(1)) : std::nullopt;
}

std::string signal_name(int signal) {
  const char* abbreviation = sigabbrev_np(signal);
  return abbreviation == nullptr ? "signal " + std::to_string(signal) : std::string{"SIG"} + abbreviation;
}

std::vector<std::string> split(const std::string& items) {
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < items.size();) {
    const std::size_t end = std::min(items.find(',', at), items.size());
    ids.push_back(items.substr(at, end - at));
    at = end + 1;
  }
  return ids;
}

std::optional<Crash> first_crash(const std::string& folder, int epoch) {
  std::vector<dist::RankReport> dead;
  for (dist::RankReport& report : dist::read_reports(folder)) {
    if (report.died_ms > 0) dead.push_back(std::move(report));
  }
  if (dead.empty()) return std::nullopt;
  std::sort(dead.begin(), dead.end(), [](const auto& a, const auto& b) { return a.died_ms < b.died_ms; });
  const dist::RankReport& first = dead.front();
  if (dead.size() > 1 && dead[1].died_ms == first.died_ms) return std::nullopt;
  return Crash{.epoch = epoch,
               .how = describe(first) + " died" +
                      (first.signal == 0 ? std::string{} : " of " + signal_name(first.signal)) +
                      " in epoch " + std::to_string(epoch),
               .items = split(first.items)};
}

}  // namespace

std::vector<Crash> read_crashes(const results::RunDirectory& run, int epoch) {
  std::vector<Crash> crashes;
  std::error_code error;
  for (fs::directory_iterator at(run.statuses(), error), end; !error && at != end; at.increment(error)) {
    const std::optional<int> of = epoch_of(at->path().filename().string());
    if (!of || *of >= epoch) continue;
    if (std::optional<Crash> crash = first_crash(at->path().string(), *of)) {
      crashes.push_back(*std::move(crash));
    }
  }
  std::sort(crashes.begin(), crashes.end(), [](const Crash& a, const Crash& b) { return a.epoch < b.epoch; });
  return crashes;
}

std::vector<results::Record> crash_records(const std::vector<Crash>& crashes, const requests::ItemList& items,
                                           results::ItemStates& states, int epoch) {
  std::vector<results::Record> records;
  if (crashes.empty()) return records;
  requests::IdIndex ids(items);
  for (std::size_t i = 0; i < items.size(); ++i) ids.insert(i);
  const auto note = [&](const results::Record& record) {
    states.take(epoch, record);
    records.push_back(record);
  };
  for (const Crash& crash : crashes) {
    for (const std::string& id : crash.items) {
      const std::optional<std::size_t> index = ids.find(id);
      if (!index) continue;
      const std::string key = registry::hex(items.packed()[*index].key);
      const std::optional<results::ItemState> state = states.find(key);
      if (state && state->outcome() == results::ItemOutcome::done) continue;
      results::Record record{.time = results::journal_time(),
                             .event = results::Event::crashed,
                             .item = id,
                             .key = key,
                             .attempt = state ? state->attempts : 1,
                             .reason = crash.how};
      note(record);
      const int of_item = states.at(key).crashes;
      if (of_item < crashes_to_quarantine) continue;
      record.event = results::Event::quarantined;
      record.reason =
          fmt::format("it was in hand of {} ranks when they died; the last: {}", of_item, crash.how);
      note(record);
    }
  }
  return records;
}

}  // namespace ditmill::jobs::run

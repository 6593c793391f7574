#include "jobs/run/crashes.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>

#include "dist/liveness/rank_state.h"

namespace ditmill::jobs {
namespace {

namespace fs = std::filesystem;

/// 7 of e0007.
std::optional<int> epoch_of(const std::string& folder) {
  int epoch = 0;
  if (!folder.starts_with("e")) return std::nullopt;
  const auto [end, error] = std::from_chars(folder.data() + 1, folder.data() + folder.size(), epoch);
  if (error != std::errc() || end != folder.data() + folder.size()) return std::nullopt;
  return epoch;
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

std::vector<Crash> read_crashes(const RunDirectory& run, int epoch) {
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

}  // namespace ditmill::jobs

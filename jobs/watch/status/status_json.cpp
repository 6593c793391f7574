#include "jobs/watch/status/status_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "jobs/watch/status/slurm_view.h"

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;

template <typename T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json positive_or_null(double value) { return value > 0 ? json(value) : json(); }

json ids(std::string_view text) {
  json list = json::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    list.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

json owner_json(const RunLife& life) {
  if (life.epoch == 0) return {};
  return {{"host", text_or_null(life.owner.host)},
          {"pid", life.owner.pid > 0 ? json(life.owner.pid) : json()},
          {"slurm_job", text_or_null(life.owner.slurm_job)},
          {"slurm_restart", life.owner.slurm_restart},
          {"heartbeat_age_s", or_null(life.heartbeat_age_s)}};
}

json group_json(const GroupStatus& group) {
  return {{"group", group.group},
          {"host", text_or_null(group.host)},
          {"rank", group.rank >= 0 ? json(group.rank) : json()},
          {"ranks", group.ranks},
          {"hosts", group.hosts},
          {"heartbeat_age_s", or_null(group.heartbeat_age_s)},
          {"doing", text_or_null(group.doing)},
          {"items", ids(group.items)},
          {"done", group.done},
          {"failed", group.failed},
          {"median_s", or_null(group.median_s)},
          {"times_median", positive_or_null(group.times_median)},
          {"slow", group.slow},
          {"silent", group.silent}};
}

json rank_json(const RankWords& words) {
  const dist::RankReport& report = words.report;
  return {{"rank", report.rank},
          {"host", report.host},
          {"pid", report.pid},
          {"group", report.group >= 0 ? json(report.group) : json()},
          {"age_s", words.age_s},
          {"doing", report.doing},
          {"items", ids(report.items)},
          {"waits", report.waits},
          {"gone", words.gone},
          {"signal", report.signal != 0 ? json(report.signal) : json()},
          {"died", report.died_ms > 0 ? json(static_cast<double>(report.died_ms) / 1000) : json()}};
}

json error_json(const RunError& error) {
  return {{"time", error.time},
          {"event", name(error.event)},
          {"item", text_or_null(error.item)},
          {"attempt", error.attempt},
          {"epoch", error.epoch},
          {"group", error.group},
          {"reason", text_or_null(error.reason)}};
}

template <typename List, typename ToJson>
json array_of(const List& list, ToJson&& one) {
  json array = json::array();
  for (const auto& each : list) array.push_back(one(each));
  return array;
}

}  // namespace

json to_json(const RunProgress& progress) {
  const auto counted = [&progress](std::size_t count) { return progress.has_list ? json(count) : json(); };
  return {{"run", progress.run},
          {"name", text_or_null(progress.name)},
          {"state", name(progress.life.state)},
          {"reason", text_or_null(progress.life.reason)},
          {"time", progress.now},
          {"epoch", progress.life.epoch},
          {"owner", owner_json(progress.life)},
          {"slurm", progress.slurm ? to_json(*progress.slurm) : json()},
          {"total", counted(progress.total)},
          {"done", counted(progress.done)},
          {"failed", counted(progress.failed)},
          {"quarantined", counted(progress.quarantined)},
          {"left", counted(progress.left)},
          {"rate",
           {{"items_per_hour", positive_or_null(progress.items_per_hour)},
            {"seconds_per_item", positive_or_null(progress.seconds_per_item)},
            {"window_s", positive_or_null(progress.window_s)}}},
          {"eta_s", or_null(progress.eta_s)},
          {"groups", array_of(progress.groups, group_json)},
          {"ranks", array_of(progress.ranks, rank_json)},
          {"errors", array_of(progress.errors, error_json)},
          {"stop_file", !progress.stop_file.empty()},
          {"outcome", progress.life.outcome ? to_json(*progress.life.outcome) : json()},
          {"journal_damage",
           {{"count", progress.damage_count},
            {"reports", array_of(progress.damage, [](const results::JournalReport& report) -> json {
               return {{"file", report.file}, {"offset", report.offset}, {"message", report.message}};
             })}}}};
}

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

}  // namespace ditmill::jobs::watch

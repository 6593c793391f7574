#include "jobs/watch/status/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/list_text.h"
#include "configs/time_text.h"
#include "jobs/requests/items/shard.h"
#include "jobs/run/epoch.h"
#include "jobs/watch/status/slurm_view.h"
#include "jobs/watch/status/status_json.h"
#include "jobs/watch/status/text_screen.h"

namespace ditmill::jobs::watch {
namespace {

std::string_view state_of(const ShardProgress& shard) { return name(shard.progress.life.state); }

/// The numbers of "12_3", "12_0-2,5%2", "12_[0-8:2]": an array's task, or those that were not started yet.
std::vector<int> tasks_of(std::string_view id) {
  std::vector<int> tasks;
  if (id.find('_') == std::string_view::npos) return tasks;
  std::string_view list = id.substr(id.find('_') + 1);
  if (list.starts_with('[')) list.remove_prefix(1);
  list = list.substr(0, list.find_first_of("%]"));
  const char* const end = list.data() + list.size();
  for (const char* at = list.data(); at < end;) {
    std::array<int, 3> range{0, 0, 1};  // from, to, step
    auto [stop, failure] = std::from_chars(at, end, range[0]);
    if (failure != std::errc()) break;
    range[1] = range[0];
    if (stop < end && *stop == '-') stop = std::from_chars(stop + 1, end, range[1]).ptr;
    if (stop < end && *stop == ':') stop = std::from_chars(stop + 1, end, range[2]).ptr;
    const int last = std::min(range[1], requests::Shard::most);
    for (int task = range[0]; task <= last; task += std::clamp(range[2], 1, requests::Shard::most)) {
      tasks.push_back(task);
    }
    if (stop == end) break;
    at = stop + 1;  // a comma
  }
  return tasks;
}

std::size_t count_in(const std::vector<ShardProgress>& shards, RunState state) {
  return static_cast<std::size_t>(std::ranges::count_if(
      shards, [state](const ShardProgress& shard) { return shard.progress.life.state == state; }));
}

void add(RunProgress& whole, const RunProgress& part) {
  if (whole.name.empty()) whole.name = part.name;
  whole.total += part.total;
  whole.done += part.done;
  whole.failed += part.failed;
  whole.quarantined += part.quarantined;
  whole.left += part.left;
  if (part.life.state == RunState::running) {
    whole.items_per_hour += part.items_per_hour;
    whole.window_s = std::max(whole.window_s, part.window_s);
  }
  whole.errors.insert(whole.errors.end(), part.errors.begin(), part.errors.end());
  whole.damage.insert(whole.damage.end(), part.damage.begin(), part.damage.end());
  whole.damage_count += part.damage_count;
}

/// The state of the whole, and why, from those of the shards.
void settle_life(ArrayProgress& array) {
  RunLife& life = array.whole.life;
  std::string states;
  for (const RunState state :
       {RunState::running, RunState::waiting, RunState::crashed, RunState::stopped, RunState::finished}) {
    if (const std::size_t count = count_in(array.shards, state)) {
      extend_list(states, fmt::format("{} {}", count, name(state)));
    }
  }
  const bool is_merged = life.outcome.has_value();
  life.reason =
      fmt::format("of {} shards {}; {}", array.shards.size(), states, is_merged ? "merged" : "not merged");
  life.state = RunState::stopped;
  if (is_merged && count_in(array.shards, RunState::finished) == array.shards.size()) {
    life.state = RunState::finished;
    return;
  }
  for (const RunState state : {RunState::crashed, RunState::waiting, RunState::running}) {
    if (count_in(array.shards, state) > 0) life.state = state;
  }
}

nlohmann::json shard_json(const ShardProgress& shard) {
  const nlohmann::json all = to_json(shard.progress);
  nlohmann::json json{{"shard", shard.index}, {"state", state_of(shard)}};
  for (const char* field : {"run", "reason", "epoch", "owner", "total", "done", "failed", "quarantined",
                            "left", "rate", "eta_s"}) {
    json[field] = all.at(field);
  }
  return json;
}

std::vector<Tinted> row(const ShardProgress& shard) {
  const RunProgress& progress = shard.progress;
  const RunState state = progress.life.state;
  const bool is_bad = state == RunState::crashed || state == RunState::stopped;
  const bool runs = progress.life.state == RunState::running;
  return {{std::to_string(shard.index)},
          {std::string{state_of(shard)}, is_bad ? Tint::red : Tint::none},
          {std::to_string(progress.done)},
          {std::to_string(progress.failed + progress.quarantined)},
          {std::to_string(progress.left)},
          {runs && progress.items_per_hour > 0 ? short_number(progress.items_per_hour) : "-"},
          {progress.eta_s ? duration_text(*progress.eta_s) : "-"},
          {is_bad ? progress.life.reason : progress.life.owner.slurm_job}};
}

}  // namespace

bool is_array(const results::RunDirectory& run, const run::Submission& submission) {
  return submission.shards > 0 && (std::filesystem::exists(run.shards()) || results::newest_epoch(run) == 0);
}

ArrayWatcher::ArrayWatcher(results::RunDirectory run, run::Submission submission)
    : run_(std::move(run)), submission_(std::move(submission)) {}

ShardProgress ArrayWatcher::look_at(int index, double now) {
  const results::RunDirectory its{run_.shard(index)};
  ShardProgress shard{.index = index, .progress = {}};
  auto watcher = watchers_.find(index);
  if (watcher == watchers_.end() && std::filesystem::exists(its.epochs())) {
    watcher = watchers_.emplace(index, RunWatcher{its}).first;
  }
  shard.progress.life.reason = never_started;
  if (watcher != watchers_.end()) shard.progress = watcher->second.look(now);
  if (!shard.progress.has_list) {  // then it is of the list as it was submitted
    shard.progress.run = its.path();
    shard.progress.has_list = true;
    shard.progress.total = requests::Shard{index, submission_.shards}.size(submission_.items);
    shard.progress.left = shard.progress.total;
  }
  return shard;
}

ArrayProgress ArrayWatcher::look(double now) {
  ArrayProgress array;
  RunProgress& whole = array.whole;
  whole.run = run_.path();
  whole.now = now;
  whole.has_list = true;
  whole.stop_file = run_.told_to_stop().value_or("");
  whole.resubmit = run::resubmit_command(run_);
  whole.resumes_by_retry = true;
  for (int i = 0; i < submission_.shards; ++i) {
    array.shards.push_back(look_at(i, now));
    add(whole, array.shards.back().progress);
  }
  std::ranges::stable_sort(whole.errors, std::greater{}, &RunError::time);
  whole.errors.resize(std::min(whole.errors.size(), RunWatcher::most_errors));
  if (whole.items_per_hour > 0) {
    whole.seconds_per_item = 3600 / whole.items_per_hour;
    whole.eta_s = static_cast<double>(whole.left) * whole.seconds_per_item;
  }
  whole.life.outcome = read_life(run_, now).outcome;
  settle_life(array);
  return array;
}

void take_slurm(ArrayProgress& array, slurm::JobReport report) {
  for (const slurm::JobFacts& job : report.jobs) {
    for (const int task : tasks_of(job.id)) {
      if (task < 0 || static_cast<std::size_t>(task) >= array.shards.size()) continue;
      slurm::JobFacts its = job;
      its.id = job.id.substr(0, job.id.find('_') + 1) + std::to_string(task);
      take_slurm(array.shards[static_cast<std::size_t>(task)].progress, {.jobs = {its}, .note = {}});
    }
  }
  array.whole.slurm = std::move(report);
  settle_life(array);
}

nlohmann::json to_json(const ArrayProgress& array) {
  nlohmann::json json = to_json(array.whole);
  json["shards"] = nlohmann::json::array();
  for (const ShardProgress& shard : array.shards) json["shards"].push_back(shard_json(shard));
  return json;
}

std::string status_text(const ArrayProgress& array, const StatusLook& look) {
  std::vector<std::vector<Tinted>> rows{
      {{"shard"}, {"state"}, {"done"}, {"failed"}, {"left"}, {"items/h"}, {"to go"}, {"job"}}};
  std::vector<const ShardProgress*> shards;
  for (const ShardProgress& shard : array.shards) shards.push_back(&shard);
  std::stable_partition(shards.begin(), shards.end(), [](const ShardProgress* shard) {
    return shard->progress.life.state != RunState::finished;
  });
  const std::size_t shown = std::min(shards.size(), StatusLook::rows_of_a_table);
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(row(*shards[i]));
  TextScreen screen(look.width, look.colour);
  if (array.whole.life.state == RunState::running) screen.line(array.whole.life.reason);
  screen.line("");
  screen.table(rows, {true, false, true, true, true, true, true, false});
  if (shown < shards.size()) screen.line(fmt::format("and {} more", shards.size() - shown));
  return status_text(array.whole, look) + screen.text();
}

}  // namespace ditmill::jobs::watch

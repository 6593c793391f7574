#include "jobs/status/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "jobs/duration_text.h"
#include "jobs/shard.h"
#include "jobs/status/status_json.h"
#include "jobs/status/text_screen.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t rows_of_a_table = 32;

/// What merge_runs() writes as an outcome's reason begins so.
constexpr std::string_view merged = "merged from";

bool waits(const ShardProgress& shard) { return shard.progress.life.epoch == 0; }

std::string_view state_of(const ShardProgress& shard) {
  return waits(shard) ? "waiting" : name(shard.progress.life.state);
}

std::size_t count_in(const std::vector<ShardProgress>& shards, std::string_view state) {
  return static_cast<std::size_t>(std::ranges::count_if(
      shards, [state](const ShardProgress& shard) { return state_of(shard) == state; }));
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

/// The first that is true of any shard decides.
void add_life(ArrayProgress& array, const RunLife& own) {
  std::string reason;
  for (const char* state : {"running", "waiting", "crashed", "stopped", "finished"}) {
    if (const std::size_t count = count_in(array.shards, state)) {
      reason += fmt::format("{}{} {}", reason.empty() ? "" : ", ", count, state);
    }
  }
  const bool is_merged = own.outcome.is_object();
  RunLife& life = array.whole.life;
  life.reason =
      fmt::format("of {} shards {}; {}", array.shards.size(), reason, is_merged ? "merged" : "not merged");
  if (count_in(array.shards, "running") > 0) {
    life.state = RunState::running;
  } else if (is_merged && count_in(array.shards, "finished") == array.shards.size()) {
    life.state = RunState::finished;
  } else if (count_in(array.shards, "crashed") > 0) {
    life.state = RunState::crashed;
  }
  life.outcome = own.outcome;
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

std::vector<Span> row(const ShardProgress& shard) {
  const RunProgress& progress = shard.progress;
  const bool is_bad = state_of(shard) == "crashed" || state_of(shard) == "stopped";
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

bool is_array(const RunDirectory& run, const Submission& submission, double now) {
  if (submission.shards == 0) return false;
  const RunLife life = read_life(run, now);
  if (life.epoch == 0 || !life.outcome.is_object()) return life.state != RunState::running;
  return life.reason.starts_with(merged);
}

ArrayWatcher::ArrayWatcher(RunDirectory run, Submission submission)
    : run_(std::move(run)), submission_(std::move(submission)) {}

ShardProgress ArrayWatcher::look_at(int index, double now) {
  const RunDirectory its{run_.shard(index)};
  ShardProgress shard{.index = index, .progress = {}};
  auto watcher = watchers_.find(index);
  if (watcher == watchers_.end() && std::filesystem::exists(its.epochs())) {
    watcher = watchers_.emplace(index, RunWatcher{its}).first;
  }
  if (watcher != watchers_.end()) shard.progress = watcher->second.look(now);
  if (!shard.progress.has_list) {  // then it is of the list as it was submitted
    shard.progress.run = its.path();
    shard.progress.has_list = true;
    shard.progress.total = Shard{index, submission_.shards}.size(submission_.items);
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
  whole.stop_file = run_.told_to_stop().has_value();
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
  add_life(array, read_life(run_, now));
  return array;
}

nlohmann::json to_json(const ArrayProgress& array) {
  nlohmann::json json = to_json(array.whole);
  json["shards"] = nlohmann::json::array();
  for (const ShardProgress& shard : array.shards) json["shards"].push_back(shard_json(shard));
  return json;
}

std::string status_text(const ArrayProgress& array, const StatusLook& look) {
  std::vector<std::vector<Span>> rows{
      {{"shard"}, {"state"}, {"done"}, {"failed"}, {"left"}, {"items/h"}, {"to go"}, {"job"}}};
  std::vector<const ShardProgress*> shards;
  for (const ShardProgress& shard : array.shards) shards.push_back(&shard);
  std::stable_partition(shards.begin(), shards.end(), [](const ShardProgress* shard) {
    return waits(*shard) || shard->progress.life.state != RunState::finished;
  });
  const std::size_t shown = std::min(shards.size(), rows_of_a_table);
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(row(*shards[i]));
  TextScreen screen(look.width, look.colour);
  if (array.whole.life.state == RunState::running) screen.line(array.whole.life.reason);
  screen.line("");
  screen.table(rows, {true, false, true, true, true, true, true, false});
  if (shown < shards.size()) screen.line(fmt::format("and {} more", shards.size() - shown));
  return status_text(array.whole, look) + screen.text();
}

}  // namespace ditmill::jobs

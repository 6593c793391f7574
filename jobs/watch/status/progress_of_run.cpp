#include "jobs/watch/status/progress_of_run.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/submission.h"

namespace ditmill::jobs::watch {
namespace {

namespace fs = std::filesystem;

bool is_there(const std::string& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

std::optional<registry::FileStamp> stamp_if_there(const std::string& path) {
  try {
    return registry::file_stamp(path);
  } catch (const Error& error) {
    if (error.category() == Category::not_found) return std::nullopt;
    throw;
  }
}

/// The job's name as config.json has it; empty if there is none yet.
std::string job_name(const results::RunDirectory& run) {
  if (!is_there(run.config())) return {};
  const nlohmann::json config =
      nlohmann::json::parse(results::durable::read_file(run.config()), nullptr, false);
  const auto name = config.is_object() ? config.find("name") : config.end();
  return name != config.end() && name->is_string() ? name->get<std::string>() : std::string{};
}

}  // namespace

RunWatcher::RunWatcher(results::RunDirectory run)
    : run_(std::move(run)),
      self_(dist::RankState(-1).report()),
      tail_(std::make_unique<results::JournalTail>(run_)) {
  for (const std::string& one : {run_.epochs(), run_.requests(), run_.submission()}) {
    if (is_there(one)) return;
  }
  throw Error(Category::not_found, "look at a run", Where{.file = run_.path()},
              Expected{"a run directory, with epochs/, requests.jsonl or submit/"},
              Got{is_there(run_.path()) ? "none of them" : "nothing of that name"},
              "it is output.path of the manifest, or what --run-dir said");
}

RunProgress RunWatcher::look(double now) {
  RunProgress progress;
  progress.run = run_.path();
  progress.now = now;
  progress.life = read_life(run_, now);
  begin_epoch(progress.life.epoch);
  reread_list();
  tail_->look(
      [this](const results::JournalFile& file, const results::Record& record) { take(file, record); });

  if (name_.empty()) name_ = job_name(run_);
  progress.name = name_;
  progress.stop_file = run_.told_to_stop().value_or("");
  progress.resubmit = run::resubmit_command(run_);
  add_counts(progress);
  add_ranks(progress);
  add_rate(progress);
  add_damage(progress);
  progress.errors = open_errors();
  return progress;
}

/// What is known of groups is that of the newest epoch. It may show in the journals first.
void RunWatcher::begin_epoch(int epoch) {
  if (epoch <= epoch_) return;
  epoch_ = epoch;
  paces_.clear();
  name_.clear();
}

/// A list that has changed makes other items count: then all that was read is read again.
void RunWatcher::reread_list() {
  const std::optional<registry::FileStamp> stamp = stamp_if_there(run_.requests());
  if (!stamp || (counts_ && *stamp == list_stamp_)) return;
  list_stamp_ = *stamp;
  counts_ = ItemCounts::read(run_);
  tail_ = std::make_unique<results::JournalTail>(run_);
  paces_.clear();
  errors_.clear();
}

void RunWatcher::take(const results::JournalFile& file, const results::Record& record) {
  begin_epoch(file.epoch);
  if (counts_) counts_->take(file.epoch, record);
  const bool gives_up = record.event == results::Event::quarantined ||
                        record.event == results::Event::stopped || record.event == results::Event::crashed;
  // What a start says of earlier crashes stands in a journal that is no group's.
  if (file.epoch == epoch_ && (!gives_up || paces_.contains(file.group))) paces_[file.group].take(record);
  const bool is_error = gives_up || record.event == results::Event::failed;
  if (is_error) keep_error(file, record);
}

void RunWatcher::keep_error(const results::JournalFile& file, const results::Record& record) {
  if (errors_.size() >= most_errors) {
    if (record.time <= errors_.begin()->first) return;
    errors_.erase(errors_.begin());
  }
  errors_.emplace(record.time, RunError{.time = record.time,
                                        .event = record.event,
                                        .item = record.item,
                                        .key = record.key,
                                        .attempt = record.attempt,
                                        .epoch = file.epoch,
                                        .group = file.group,
                                        .reason = reason_text(record)});
}

void RunWatcher::add_counts(RunProgress& progress) const {
  if (!counts_) return;
  progress.has_list = true;
  const results::OutcomeCounts& counts = counts_->counts();
  progress.total = counts.total();
  progress.done = counts.done;
  progress.failed = counts.failed;
  progress.quarantined = counts.quarantined;
  progress.left = counts.left;
}

void RunWatcher::add_ranks(RunProgress& progress) const {
  const std::vector<dist::RankReport> reports = dist::read_reports(run_.status(progress.life.epoch));
  for (const dist::RankReport& report : reports) {
    progress.ranks.push_back(
        {.report = report,
         .age_s = std::max(progress.now - static_cast<double>(report.since_ms) / 1000, 0.0),
         .gone = dist::has_died(report, self_)});
  }
  progress.groups = group_statuses(reports, paces_, progress.now, progress.life.state == RunState::running);
}

/// The groups' rates, added up: each is that of its own finishes.
void RunWatcher::add_rate(RunProgress& progress) const {
  const bool running = progress.life.state == RunState::running;
  double end = running ? progress.now : 0;
  if (!running) {
    for (const auto& [group, pace] : paces_) end = std::max(end, pace.last_record());
  }
  double per_second = 0;
  for (const auto& [group, pace] : paces_) {
    const GroupPace::Rate rate = pace.rate(end);
    per_second += rate.items_per_second();
    progress.window_s = std::max(progress.window_s, rate.seconds);
  }
  if (per_second <= 0) return;
  progress.items_per_hour = per_second * 3600;
  progress.seconds_per_item = 1 / per_second;
  if (running && counts_) progress.eta_s = static_cast<double>(progress.left) / per_second;
}

void RunWatcher::add_damage(RunProgress& progress) const {
  progress.damage = tail_->damage();
  progress.damage_count = tail_->damage_count();
  for (const results::UnfinishedLine& line : tail_->unfinished()) {
    const bool is_being_written = progress.life.state == RunState::running && line.file.epoch == epoch_;
    if (is_being_written) continue;
    progress.damage.push_back({line.file.path, line.offset,
                               "the last line is torn, as a crash leaves it, and does not count: " +
                                   std::to_string(line.bytes) + " bytes without a newline"});
    ++progress.damage_count;
  }
}

std::vector<RunError> RunWatcher::open_errors() const {
  std::vector<RunError> open;
  for (const auto& [time, error] : errors_) {
    if (!counts_ || !counts_->is_done(error.key)) open.push_back(error);
  }
  std::reverse(open.begin(), open.end());
  return open;
}

}  // namespace ditmill::jobs::watch
